"""Market streams: subscriptions, payloads and sending."""
