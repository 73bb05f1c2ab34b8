"""The files of the data directory: one module per kind of file, as pydantic models."""
