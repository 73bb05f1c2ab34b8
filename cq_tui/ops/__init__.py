"""What the command line and the room both call: bundle, status, settings."""
