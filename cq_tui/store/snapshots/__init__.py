"""Snapshots: what the stack looked like at a moment."""
