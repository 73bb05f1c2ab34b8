"""The history of a data directory: what its verification finds, in the words of the rules."""

from collections.abc import Iterator
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.rules.finding import Finding
from cq_tui.ops.formatting import pluralize
from cq_tui.ops.gathered_evidence import UnusableKey
from cq_tui.ops.validate.files import Progress
from cq_tui.ops.validate.report import FileFindings
from cq_tui.ops.verification_report import VerificationReport
from cq_tui.ops.verify import NoHistory, verify_history
from cq_tui.store.history.faults import HistoryFault, fault_id

#: More processes would take more memory than they save time.
_WORKERS = 2


def check_history(data: DataDir, found: FileFindings, progress: Progress) -> None:
    """Verify chain, checkpoints and completeness; ``found`` is that of the hash chain."""
    try:
        report = verify_history(data, workers=_WORKERS, progress=progress)
    except NoHistory:
        return
    except UnusableKey as error:
        found.add((Finding("file.readable", str(error)),))
        return
    except OSError as error:
        name = Path(error.filename).name if isinstance(error.filename, str) else "a file"
        found.add((Finding("file.readable", f"{name} cannot be read ({error.strerror})"),))
        return
    found.records += report.result.events
    found.add(_findings(report))


def _findings(report: VerificationReport) -> Iterator[Finding]:
    for fault in report.faults:
        yield _fault(fault)
    for _ in range(report.fault_count - len(report.faults)):
        yield Finding("chain.fault", "has a further fault")
    result = report.result
    if report.missing:
        yield Finding("chain.missing", f"lacks {pluralize(report.missing, 'event')} that were chained or signed here")
    if report.lost:
        yield Finding("chain.lost", f"is not the history that was here: {report.lost}")
    for writer, count in result.gaps.items():
        yield Finding("chain.gap", f"lacks {pluralize(count, 'number')} of {writer}")
    if result.unchained and not report.is_live:
        yield Finding("chain.unchained", f"lacks the blocks of {pluralize(result.unchained, 'event')}")


def _fault(fault: HistoryFault) -> Finding:
    where = f"{fault.file}, index {fault.index:,}" if fault.index is not None else fault.file
    return Finding("chain.fault", f"{where}: {fault.reason} (fault {fault_id(str(fault))})", value=fault.found)
