"""Proofs of the history, straight from its files."""
