"""The statement for the command line: as lines, as CSV in a layout, or as JSON."""

import csv
import io
from typing import Any

from cq_tui.books.layouts import LAYOUTS, PLAIN_COLUMNS, plain_record
from cq_tui.books.statement import Row, iso_time, rows_of
from cq_tui.ops.books.opening import OpenedBooks
from cq_tui.ops.formatting import sanitize
from cq_tui.ops.spreadsheet_cells import harmless
from cq_tui.trading.money.exact import plain_text


def statement_csv(books: OpenedBooks, layout: str) -> str:
    """Return the statement as CSV (RFC 4180) in a layout."""
    columns, records_of = LAYOUTS[layout]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in _rows(books):
        writer.writerows(map(harmless, records_of(row, books.account)))
    return text.getvalue()


def statement_json(books: OpenedBooks) -> dict[str, Any]:
    """Return the statement, the lots that are still held, and what is left out."""
    return {
        "account": books.account,
        "quote": books.ledger.quote,
        "from_ms": books.from_ms,
        "to_ms": books.to_ms,
        "rows": [_json_row(row, books.account) for row in _rows(books)],
        "lots": _open_lots(books),
        "left_out": books.remarks,
    }


def statement_lines(books: OpenedBooks) -> list[str]:
    """Return the statement as one readable line a row."""
    lines = [_line(row) for row in _rows(books)]
    return lines or ["nothing was traded or moved in this period"]


def _rows(books: OpenedBooks) -> list[Row]:
    return rows_of(books.ledger, books.from_ms, books.to_ms)


def _json_row(row: Row, account: str) -> dict[str, Any]:
    lots = [
        {
            "acquired_ms": use.acquired_ms,
            "source": use.source,
            "quantity": plain_text(use.quantity),
            "cost": plain_text(use.cost),
            "proceeds": plain_text(use.proceeds),
        }
        for use in row.uses
    ]
    return dict(plain_record(row, account)) | {"lots": lots}


def _open_lots(books: OpenedBooks) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol,
            "acquired_ms": lot.ms,
            "source": lot.source,
            "quantity": plain_text(lot.quantity),
            "cost": plain_text(lot.cost),
        }
        for symbol, lots in sorted(books.ledger.lots.items())
        for lot in lots.open
    ]


def _line(row: Row) -> str:
    record = {name: "" if value is None else sanitize(str(value), 80) for name, value in _record(row).items()}
    what = f"{record['quantity']} {record['asset']}".strip()
    price = f" at {record['price']}" if record["price"] else ""
    fee = f"  fee {record['fee']} {record['fee_asset']}" if record["fee"] not in ("", "0") else ""
    earned = f"  realized {record['realized']}" if record["realized"] else ""
    why = record["exit_reason"] or record["note"]
    return f"{iso_time(row.ms)}  {row.kind:<10}  {record['symbol']:<10}  {what}{price}{fee}{earned}  {why}".rstrip()


def _record(row: Row) -> dict[str, str | int | None]:
    return plain_record(row, "")


__all__ = ["PLAIN_COLUMNS", "statement_csv", "statement_json", "statement_lines"]
