"""Memory: the service that writes, checks and signs the history."""
