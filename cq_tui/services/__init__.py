"""The service processes and their shared runtime."""
