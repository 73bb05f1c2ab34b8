"""Recorded klines: finding, reading, checking, keeping and fetching them."""
