"""Client connections, HTTP and WebSocket: their limits and lifetime."""
