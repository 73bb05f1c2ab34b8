"""A Binance-compatible exchange on loopback: prices, matching, accounts, REST and WebSocket APIs."""
