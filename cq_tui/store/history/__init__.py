"""The history: its exact bytes, appending, verification and recovery."""
