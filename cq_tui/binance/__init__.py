"""The Binance Spot client: REST, streams, signing, filters, errors, rate budget."""
