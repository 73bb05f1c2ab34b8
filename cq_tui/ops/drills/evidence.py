"""The evidence of a drill in the user's data directory: its report, and what its private directories held.

Neither settings nor keys are copied, and logs and events contain none.
"""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from cq_tui.contracts.drills import DrillReport
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_document, write_document

REPORT = "report.json"


def evidence_folder(data: DataDir, drill: str, started: float) -> Path:
    """Make the folder of a drill's evidence (0700) and return it. Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(started))
    data.drills.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, folder = 1, data.drill_at(stamp, drill)
    while folder.exists():
        number += 1
        folder = data.drill_at(f"{stamp}.{number}", drill)
    folder.mkdir(mode=0o700)
    return folder


def keep_evidence(folder: Path, private: Path, report: DrillReport) -> None:
    """Copy what explains the result, and write the report. Raises OSError."""
    for root in sorted(each.parent for each in private.glob("*/ssot")):
        if not any((root / "ssot").iterdir()):
            continue
        target = folder if root.name == "data" else folder / root.name
        _copy(DataDir(root), target)
    write_document(folder / REPORT, report, mode=0o600)


def _copy(source: DataDir, target: Path) -> None:
    files = [source.events, source.account, *sorted(source.spool.glob("*.ndjson"))]
    files += [path for folder in (source.logs, source.health) for path in sorted(folder.glob("*")) if path.is_file()]
    for path in files:
        place = target / path.relative_to(source.root)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A process that was killed leaves what it leaves.
        with suppress(FileNotFoundError):
            shutil.copyfile(path, place)
            place.chmod(0o600)


def last_reports(data: DataDir) -> dict[str, DrillReport]:
    """Return the newest readable report of each drill."""
    newest: dict[str, DrillReport] = {}
    for path in data.drills.glob(f"*/{REPORT}"):
        with suppress(DocumentError):
            report = read_document(path, DrillReport)
            known = newest.get(report.drill)
            if not report.sabotaged and (known is None or known.started_ts < report.started_ts):
                newest[report.drill] = report
    return newest
