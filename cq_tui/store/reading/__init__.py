"""Reading the history: its last events, filtered events, new events."""
