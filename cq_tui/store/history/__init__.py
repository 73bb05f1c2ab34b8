"""The history: its exact bytes, how it grows, how it is checked, proved and recovered."""
