"""The matching engine: orders, balances and matching as pure decisions, and their ledger."""
