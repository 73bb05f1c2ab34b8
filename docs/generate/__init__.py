"""Generates the pages in ``docs/reference`` from the code: ``make docs``."""
