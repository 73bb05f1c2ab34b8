"""ARES: signals from closed klines."""
