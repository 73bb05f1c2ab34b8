"""A Binance-compatible exchange on loopback: prices, matching, accounts, HTTP and WebSocket faces."""
