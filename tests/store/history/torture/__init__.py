"""The history under torture: short forms in every run, long ones with CQ_HEAVY_TESTS=1 (``make torture``)."""

import os

HEAVY = os.environ.get("CQ_HEAVY_TESTS") == "1"
