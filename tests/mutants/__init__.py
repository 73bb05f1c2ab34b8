"""Mutants of the trader: how many single mistakes the tests notice."""
