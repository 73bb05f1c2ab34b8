"""How clients are connected: HTTP and WebSocket, the bounds of both, and their life."""
