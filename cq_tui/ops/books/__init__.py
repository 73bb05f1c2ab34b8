"""The books of a data directory: trades, reports, and the comparison with the exchange's own list."""
