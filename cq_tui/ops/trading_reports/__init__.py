"""A trading report for people: as text, and as a page."""
