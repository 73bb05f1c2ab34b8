"""The files of a run: all of them or none, and for the same inputs the same to the byte."""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.trading_report import ReportTrade, TradingReport
from cq_tui.lookback.result import BacktestResult
from cq_tui.ops.backtest.run import Job
from cq_tui.ops.spreadsheet_cells import harmless
from cq_tui.ops.trading_reports.candles import candles_of
from cq_tui.ops.trading_reports.page import page
from cq_tui.trading.money.exact import plain_text

_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
REPORT, TRADES, EQUITY, SIGNALS, RUN = "report.json", "trades.csv", "equity.csv", "signals.ndjson", "run.json"
PAGE = "report.html"
NAMES = frozenset({REPORT, PAGE, TRADES, EQUITY, SIGNALS, RUN})
#: Rows of the equity that are made at once.
_ROWS = 1 << 14


class CannotWrite(ValueError):
    """The folder cannot be used; the message says why, and the remedy."""


def check_folder(folder: Path) -> Path:
    """Return the real path of a folder that is free, or holds nothing but an earlier run. Raises CannotWrite, OSError.

    ``new/..`` is the folder above only once ``new`` is there: nothing may be replaced by another path than this one.
    """
    folder = Path(os.path.realpath(folder))
    if not folder.exists():
        return folder
    if not folder.is_dir():
        raise CannotWrite(f"{folder}: a file has this name; choose another folder with --out")
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in NAMES or entry.is_dir())
    if others:
        raise CannotWrite(f"{folder}: holds {others[0]}, which no run has written; choose another folder with --out")
    if folder.samefile(Path()):
        raise CannotWrite(f"{folder}: is the folder that you are in, and would be replaced; name another with --out")
    return folder


def write_files(folder: Path, job: Job, result: BacktestResult, report: TradingReport) -> None:
    """Write all files beside the folder and put them in its place. Raises CannotWrite and OSError."""
    folder = check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.unfinished")
    try:
        unfinished.mkdir()
        (unfinished / REPORT).write_bytes(orjson.dumps(report.model_dump(mode="json"), option=_INDENTED))
        (unfinished / PAGE).write_text(_page(job, report), encoding="utf-8")
        (unfinished / TRADES).write_text(trades_csv(report), encoding="utf-8", newline="")
        with (unfinished / EQUITY).open("w", encoding="ascii", newline="") as file:
            file.writelines(equity_rows(result))
        with (unfinished / SIGNALS).open("wb") as lines:
            for signal in result.signals:
                lines.write(orjson.dumps(signal.payload().model_dump(mode="json", exclude_none=True)) + b"\n")
        (unfinished / RUN).write_bytes(orjson.dumps(run_document(job, report), option=_INDENTED | orjson.OPT_SORT_KEYS))
        put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(unfinished: Path, folder: Path) -> None:
    """Let a finished folder take the place of an earlier run, of which only the files of a run are removed."""
    earlier = folder.with_name(f".{folder.name}.{os.getpid()}.earlier")
    if folder.exists():
        folder.rename(earlier)
    try:
        unfinished.rename(folder)
    except OSError:
        if earlier.exists():
            earlier.rename(folder)
        raise
    if earlier.exists():
        for name in NAMES:
            (earlier / name).unlink(missing_ok=True)
        # What somebody put there meanwhile stays.
        with suppress(OSError):
            earlier.rmdir()


def _page(job: Job, report: TradingReport) -> str:
    begin, end = report.header.from_ms, report.header.to_ms
    return page(report, {symbol: candles_of(one, begin, end) for symbol, one in job.columns.items()})


def run_document(job: Job, report: TradingReport) -> dict[str, Any]:
    """Return what is needed to run it again."""
    return {**report.header.model_dump(mode="json"), "cash": plain_text(job.plan.cash)}


def trades_csv(report: TradingReport) -> str:
    """Return one line for each position."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ReportTrade.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(harmless({name: "" if value is None else value for name, value in row}) for row in report.trades)
    return text.getvalue()


def equity_rows(result: BacktestResult) -> Iterator[str]:
    """Yield the equity at each close of a candle, as CSV."""
    yield "ms,net,gross,buy_and_hold\n"
    for start in range(0, len(result.equity_ms), _ROWS):
        part = slice(start, start + _ROWS)
        columns = (result.equity_ms, result.equity, result.gross, result.benchmark)
        rows = zip(*(column[part].tolist() for column in columns), strict=True)
        yield "".join(f"{ms},{net:.8f},{gross:.8f},{held:.8f}\n" for ms, net, gross, held in rows)
