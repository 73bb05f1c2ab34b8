"""Drills: real services meet a failure on a private exchange and a private data directory, and are judged."""
