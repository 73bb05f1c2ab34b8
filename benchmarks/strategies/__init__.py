"""Rows about the strategies."""
