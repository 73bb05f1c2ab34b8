"""Access to the exchange: API keys, rate limits and bans."""
