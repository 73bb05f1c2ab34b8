"""A process that verifies a history as ``cq-tui verify`` does and prints how many seconds that took."""

import sys
import time
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.parallel import verify_in_parallel


def main() -> None:
    """``our_verification DATA_DIR WORKERS``."""
    data, workers = DataDir(Path(sys.argv[1])), int(sys.argv[2])
    started = time.perf_counter()
    found = verify_in_parallel(workers, data)
    spent = time.perf_counter() - started
    if found.fault_count or found.missing or not found.events:
        raise ValueError(f"a sound history was refused: {found}")
    print(spent)


if __name__ == "__main__":
    main()
