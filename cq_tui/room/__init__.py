"""The control room: a Textual app over one read model of shared_data."""
