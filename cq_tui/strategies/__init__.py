"""Trading strategies: pure functions of closed klines."""
