"""Migrating a data directory: older versions, and installations from before the data contract."""
