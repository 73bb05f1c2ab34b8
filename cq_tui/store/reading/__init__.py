"""Reading the history: its last events, those of a kind, those to come."""
