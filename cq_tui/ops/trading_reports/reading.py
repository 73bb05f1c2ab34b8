"""Reading ``report.json``, of a run or of a history."""

from pathlib import Path

from pydantic import ValidationError

from cq_tui.contracts.trading_report import TradingReport

_REPORT = "report.json"
#: A report of a million positions; a file is read whole.
_MOST_BYTES = 512 * 1024 * 1024


class ReportUnreadable(ValueError):
    """A file is no report; the message names it, what is wrong, and the remedy."""


def read_report(path: Path) -> TradingReport:
    """Return the report in a file, or in the folder of a run. Raises ReportUnreadable."""
    file = path / _REPORT if path.is_dir() else path
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ReportUnreadable(f"{file}: is larger than {_MOST_BYTES >> 20} MiB: no report is; name a report.json")
        return TradingReport.model_validate_json(content)
    except OSError as error:
        raise ReportUnreadable(
            f"{file}: {error.strerror}; name a folder that `cq-tui backtest --out` has written, or a report.json"
        ) from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise ReportUnreadable(f"{file}: is no report: {where}: {fault['msg']}") from None
