"""What is in shared_data: one module a file kind, pydantic models, versions."""
