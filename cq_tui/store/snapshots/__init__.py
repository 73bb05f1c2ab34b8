"""Snapshots of the stack's state."""
