"""Starts the host of plug-ins: ``python -m cq_tui.services.ares.plug_ins``, as ARES does."""

import importlib
import sys

from cq_tui.garbage import pause_collection, resume_collection
from cq_tui.lean_import import modules_left_out

if __name__ == "__main__":
    pause_collection()
    # structlog would load it to print in color.
    with modules_left_out("rich"):
        host = importlib.import_module("cq_tui.services.ares.plug_ins.host")
    resume_collection()
    host.main(sys.argv[1:])
