"""Coin Quant R11: a crypto trading stack and the terminal control room that runs it."""

__version__ = "0.1.0"
