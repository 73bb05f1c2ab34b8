"""The service processes and their common frame."""
