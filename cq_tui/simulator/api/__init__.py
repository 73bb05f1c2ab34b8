"""The exchange's REST and WebSocket APIs."""
