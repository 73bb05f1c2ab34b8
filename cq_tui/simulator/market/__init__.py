"""Prices: where they come from, and the market at a moment."""
