"""Money that adds up: what is owned, what it cost, what was earned. Exact, pure values for one account."""
