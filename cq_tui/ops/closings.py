"""What became of flattening and closing in words, and what stays open without a trader."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.formatting import plain_amount, sanitize

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState
    from cq_tui.contracts.commands import SymbolClosing

_RESULTS = {"selling": "being sold", "unsellable": "cannot be sold now", "not_held": "not held", "left": "not sold"}


def closing_lines(closings: "Sequence[SymbolClosing]") -> list[str]:
    """Return a table, a line each symbol: what became of it, what was sold, what is left."""
    rows = [(sanitize(one.symbol), _result(one), _sold(one), _left(one)) for one in closings]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return ["  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows]


def _result(closing: "SymbolClosing") -> str:
    if closing.result == "sold":
        return f"sold in {closing.parts} parts" if closing.parts > 1 else "sold"
    return _RESULTS.get(closing.result, sanitize(closing.result))


def _sold(closing: "SymbolClosing") -> str:
    if not closing.parts:
        return ""
    parts = f" in {closing.parts} parts" if closing.parts > 1 and closing.result != "sold" else ""
    return f"{_amount(closing.sold, closing.base_asset)} for {_amount(closing.proceeds, closing.quote_asset)}{parts}"


def _left(closing: "SymbolClosing") -> str:
    if not closing.left.strip("0."):
        return sanitize(closing.reason or "")
    quote = sanitize(closing.quote_asset or "")
    worth = "" if closing.worth is None else f", worth {closing.worth:,.2f} {quote}".rstrip()
    what, amount = "dust" if closing.dust else "left", _amount(closing.left, closing.base_asset)
    # A reason tells its amount where it stands alone.
    reason = re.sub(rf"^{re.escape(amount)}(, worth [^:]*)?: ", "", sanitize(closing.reason or ""))
    return f"{what}: {amount}{worth}" + (f": {reason}" if reason else "")


def _amount(text: str, asset: str | None) -> str:
    return f"{plain_amount(text)} {sanitize(asset or '')}".strip()


class ClosingAnswer(NamedTuple):
    """What the trader answered. ``is_done``: nothing is left but dust."""

    is_done: bool
    message: str
    lines: list[str]


def answer_of(outcome: str, message: str, closings: "Sequence[SymbolClosing] | None") -> ClosingAnswer:
    """Return an answer in words."""
    text = message if outcome in ("done", "failed") else f"{outcome}: {message}"
    return ClosingAnswer(outcome == "done", text, closing_lines(closings or ()))


def closing_arguments(why: str | None, *, foreign: bool) -> dict[str, str]:
    """Return the arguments of a command that sells."""
    return ({"why": why} if why else {}) | ({"all": "true"} if foreign else {})


def stays_open(account: "AccountState", now: float) -> list[str]:
    """Return what stays open without a trader, a line each position, and whether its stop stands at the exchange.

    Those without a stop come first. ``now``: Unix seconds by the exchange's clock.
    """
    from cq_tui.ops.protection import describe_protection

    lines = []
    for one in sorted(account.positions.values(), key=lambda one: one.protection == "working"):
        stands = one.protection == "working"
        stop = "" if one.stop_loss is None else f" at {plain_amount(f'{one.stop_loss:.8f}')}"
        words = f"its stop{stop} stands at the exchange" if stands else f"NO STOP ({describe_protection(one, now)[0]})"
        lines.append(f"{sanitize(one.symbol)} {plain_amount(f'{one.size:.8f}')}: {words}")
    return lines


def what_stays_open(data: DataDir) -> list[str]:
    """Return the same by the trader's last record; empty if there is none."""
    import time

    from cq_tui.contracts.account import AccountState
    from cq_tui.ops.formatting import format_age
    from cq_tui.store.document import DocumentError, DocumentMissing, read_document
    from cq_tui.store.what_is_open import what_is_open

    try:
        account = read_document(data.account, AccountState)
    except DocumentMissing:
        return [f"stays open: {line}" for line in what_is_open(data)]
    except DocumentError as error:
        return [f"what stays open is not known: {error}"]
    lines = stays_open(account, time.time())
    if not lines:
        return []
    return [f"stays open, as of {format_age(time.time() - account.timestamp)} ago:", *lines]
