"""How the spools beside this file were written: by the code before lines had a checksum.

``git worktree add OLD 7b7b7dc``, then ``PYTHONPATH=OLD python tests/store/spools/earlier_version/make.py FOLDER``.
"""

import sys
from pathlib import Path

from cq_tui.store.spools.spool import EventSpool


def main() -> None:
    """Write a closed segment, a current file and the spool of a process that ran once."""
    folder = Path(sys.argv[1])
    for writer, count in (("trader", 5), ("cli-1a", 2)):
        spool = EventSpool(folder, writer, quarantine=folder, segment_bytes=500)
        for number in range(count):
            data = {"symbol": "BTCUSDT", "size": 0.001, "order_id": str(number), "note": "é\n{"}
            spool.emit("order_executed", data, metadata={"strategy": "s", "n": None}, now=1764460800.25 + number)
        spool.close()


if __name__ == "__main__":
    main()
