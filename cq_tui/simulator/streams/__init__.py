"""Market streams: who listens to what, and the sending."""
