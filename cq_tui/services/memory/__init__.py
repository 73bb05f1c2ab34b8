"""Memory: the one history that can be proved."""
