"""``cq-tui validate``: every file of a data directory, or any single file, against its schema and the rules."""
