"""Checkpoints: signed statements of the history's size and root, kept inside and outside the data directory."""
