"""Who may ask the exchange, and how much: API keys, limits and bans."""
