"""The project's pages. ``docs.generate`` writes those in ``reference/``."""
