"""Migrating older files and other installations."""
