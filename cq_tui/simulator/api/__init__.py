"""Requests and answers, over REST and WebSocket alike."""
