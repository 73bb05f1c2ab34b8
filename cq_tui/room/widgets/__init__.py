"""Widgets that know nothing of trading: a table of lines, a line of keys, a filter."""
