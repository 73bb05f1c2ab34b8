"""Limits on entries: what is wanted, what is plausible, and what may be lost. One table lists them all."""
