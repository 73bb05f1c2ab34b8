"""Reading the exchange's own list of trades: its CSV export, or the JSON of ``GET /api/v3/myTrades``.

The CSV's columns are ``Date(UTC),Pair,Side,Price,Executed,Amount,Fee``, amounts with their asset behind them; older
files have ``Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin``. Both as found in files that users have published;
Binance documents neither, so this is unverified. myTrades: Binance Spot API, "Account trade list".
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import orjson

from cq_tui.books.reconciling import ExchangeTrade
from cq_tui.contracts.base import Side

_SPOT: Final = ("date(utc)", "pair", "side", "price", "executed", "amount", "fee")
_OLD: Final = ("date(utc)", "market", "type", "price", "amount", "total", "fee", "fee coin")
_AMOUNT: Final = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Z0-9]*)")
_DATES: Final = ("%Y-%m-%d %H:%M:%S", "%y-%m-%d %H:%M:%S")
#: No amount has more digits before or behind its point; and no time in ms is later.
_MOST_DIGITS, _FIRST_MICROSECONDS = 40, 10**14
#: No list of trades is larger; a file is read whole.
_MOST_BYTES: Final = 256 * 1024 * 1024


class ExchangeFileError(ValueError):
    """A file that is no list of trades; the message names it, the line, and what is expected."""


@dataclass(frozen=True, slots=True)
class ExchangeFile:
    """The trades of a file. ``has_all_symbols``: a list of the account, not of one symbol."""

    name: str
    trades: list[ExchangeTrade]
    has_all_symbols: bool


def read_exchange_file(path: Path) -> ExchangeFile:
    """Read a list of trades. Raises ExchangeFileError, OSError."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ExchangeFileError(f"{path.name} is larger than {_MOST_BYTES // 1024 // 1024} MiB: no list of trades is")
    if content.startswith(b"PK"):
        raise ExchangeFileError(f"{path.name} is an archive or a spreadsheet: unpack it, or save it as CSV")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ExchangeFileError(f"{path.name} is not UTF-8 text: export it as CSV or JSON") from None
    if text.lstrip().startswith(("[", "{")):
        return ExchangeFile(path.name, _read_json(path.name, content), has_all_symbols=False)
    return ExchangeFile(path.name, _read_csv(path.name, text), has_all_symbols=True)


def _read_json(name: str, content: bytes) -> list[ExchangeTrade]:
    try:
        items = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ExchangeFileError(f"{name} is no JSON ({error})") from None
    if not isinstance(items, list):
        raise ExchangeFileError(f"{name} is no list: save the answer of myTrades as it is")
    return [_read(name, "item", number, item, _json_trade) for number, item in enumerate(items, 1)]


def _read_csv(name: str, text: str) -> list[ExchangeTrade]:
    reader = csv.reader(io.StringIO(text, newline=""))
    columns = tuple(cell.strip().lower() for cell in next(reader, ()))
    if not set(_SPOT) <= set(columns) and not set(_OLD) <= set(columns):
        expected = " or ".join(",".join(each) for each in (_SPOT, _OLD))
        raise ExchangeFileError(f"{name}: line 1 is not the heading of a trade history, which is {expected}")
    convert = _spot_trade if set(_SPOT) <= set(columns) else _old_trade
    trades = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(columns, cells, strict=False))
                trades.append(_read(name, "line", reader.line_num, row, convert))
    except csv.Error as error:
        raise ExchangeFileError(f"{name}: line {reader.line_num} is no CSV ({error})") from None
    return trades


def _read(
    name: str, unit: str, number: int, item: Any, convert: Callable[[Mapping[str, Any], int], ExchangeTrade]
) -> ExchangeTrade:
    try:
        return convert(item, number)
    except KeyError as error:
        raise ExchangeFileError(f"{name}: {unit} {number}: {error.args[0]} is missing") from None
    except (ValueError, TypeError, AttributeError, InvalidOperation, OverflowError) as error:
        raise ExchangeFileError(f"{name}: {unit} {number} is no trade ({error})") from None


def _json_trade(item: Mapping[str, Any], number: int) -> ExchangeTrade:
    if not isinstance(item["isBuyer"], bool):
        raise ValueError("isBuyer is neither true nor false")
    ms = int(item["time"])
    if not (isinstance(item["symbol"], str) and item["symbol"]):
        raise ValueError("it names no symbol")
    if not 0 <= ms < _FIRST_MICROSECONDS:
        raise ValueError(f"its time {str(ms)[:30]} is no time in ms")
    return ExchangeTrade(
        ms,
        str(item["symbol"]),
        "BUY" if item["isBuyer"] else "SELL",
        _decimal(item["price"]),
        _decimal(item["qty"]),
        _decimal(item["commission"]),
        str(item["commissionAsset"]),
        int(item["id"]),
        int(item["orderId"]),
        number,
    )


def _spot_trade(row: Mapping[str, str], number: int) -> ExchangeTrade:
    fee, asset = _amount(row["fee"])
    return _csv_trade(row, number, row["pair"], row["side"], row["executed"], fee, asset)


def _old_trade(row: Mapping[str, str], number: int) -> ExchangeTrade:
    fee, _ = _amount(row["fee"])
    return _csv_trade(row, number, row["market"], row["type"], row["amount"], fee, row["fee coin"].strip())


def _csv_trade(
    row: Mapping[str, str], number: int, pair: str, side: str, quantity: str, fee: Decimal, fee_asset: str
) -> ExchangeTrade:  # fmt: skip
    symbol = re.sub(r"[\s/_-]", "", pair).upper()
    named = side.strip().upper()
    if not symbol:
        raise ValueError("it names no pair")
    known: dict[str, Side] = {"BUY": "BUY", "SELL": "SELL"}
    if named not in known:
        raise ValueError(f"its side {side.strip()[:20]!r} is neither BUY nor SELL")
    return ExchangeTrade(
        _time(row["date(utc)"]), symbol, known[named], _amount(row["price"])[0], _amount(quantity)[0], fee,
        fee_asset or None, None, None, number,
    )  # fmt: skip


def _decimal(value: Any) -> Decimal:
    number = Decimal(value) if isinstance(value, str) else Decimal(int(value))
    if not number.is_finite() or (number and abs(number.adjusted()) > _MOST_DIGITS):
        raise ValueError(f"{str(value)[:30]!r} is no number of a trade")
    return number


def _amount(text: str) -> tuple[Decimal, str]:
    """Return number and asset of ``0.001BTC``."""
    match = _AMOUNT.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"{text.strip()[:30]!r} is no amount")
    return Decimal(match[1].replace(",", "")), match[2]


def _time(text: str) -> int:
    for form in _DATES:
        try:
            return round(datetime.strptime(text.strip(), form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    raise ValueError(f"its time {text.strip()[:30]!r} is not like 2026-11-29 14:05:00")
