"""Proofs of the history, made from its files."""
