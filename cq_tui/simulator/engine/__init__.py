"""Orders, balances and matching: pure decisions, and the ledger that remembers them."""
