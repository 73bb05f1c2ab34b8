"""Spools: events not yet appended to the history, one spool per process, and how memory merges them."""
