"""Data directories as released versions wrote them, and what this version makes of them."""
