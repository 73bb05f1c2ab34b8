"""The equity of an account from its own history, as if nothing had been paid in or out.

The trader marks the equity when a day begins and when it was never higher. When the account is opened and at the end,
what is held counts at its cost.
"""

from cq_tui.books.ledger import Ledger
from cq_tui.books.metrics import Curve, curve
from cq_tui.trading.money.account_money import cost_of
from cq_tui.trading.money.exact import add, subtract


def curve_of(ledger: Ledger, from_ms: int, to_ms: int) -> Curve | None:
    """Return the equity over a period, what came and went since the first mark left out; None if it is not known."""
    marks = [mark for mark in ledger.marks if mark.ms < to_ms]
    money = ledger.book.money
    if not marks or money is None:
        return None
    base = marks[0].start
    points = [(mark.ms, subtract(mark.equity, subtract(mark.start, base))) for mark in marks]
    last = max((fill.ms for fill in ledger.fills), default=0)
    if points[-1][0] < last < to_ms:
        worth = add(money.quote, cost_of(ledger.book.holdings.values()))
        points.append((last, subtract(worth, subtract(money.start, base))))
    points.sort(key=lambda point: point[0])
    before = [value for ms, value in points if ms < from_ms]
    inside = [(ms, value) for ms, value in points if ms >= from_ms]
    if before:
        inside.insert(0, (from_ms, before[-1]))
    return curve([ms for ms, _ in inside], [float(value) for _, value in inside]) if inside else None
