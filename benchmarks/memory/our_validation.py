"""Validates a data directory or a file and prints the seconds that it took, imports included."""

import sys
import time
from pathlib import Path

STARTED = time.perf_counter()

if __name__ == "__main__":
    from cq_tui.contracts.layout import DataDir
    from cq_tui.ops.validate.run import Validation

    path, kind = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    report = Validation((path,), DataDir(path), kind).run()
    if report.count("error"):
        sys.exit("\n".join(report.lines()))
    print(time.perf_counter() - STARTED)
