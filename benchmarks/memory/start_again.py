"""A process that opens a history for writing and prints how many seconds that took."""

import sys
import time
from pathlib import Path

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.writer import HistoryWriter


def main() -> None:
    """``start_again DATA_DIR WATERMARK [SNAPSHOT]``."""
    data, watermark = DataDir(Path(sys.argv[1])), int(sys.argv[2])
    stood = [SnapshotHistory.model_validate_json(text) for text in sys.argv[3:]]
    started = time.perf_counter()
    history = HistoryWriter(data, watermark=watermark, now=time.time(), snapshots=stood)
    spent = time.perf_counter() - started
    if history.faults or (stood and history.resumed_from is None):
        raise ValueError(f"a sound history was refused: {history.faults}")
    print(spent)


if __name__ == "__main__":
    main()
