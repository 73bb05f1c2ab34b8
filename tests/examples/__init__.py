"""The examples are installed and run as a reader would."""
