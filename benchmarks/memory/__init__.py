"""The history at a million events: writing, verifying, proving, reading, starting again."""
