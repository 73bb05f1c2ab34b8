"""Faults on demand: what goes wrong, when, and for whom, as the path /admin asks for it."""
