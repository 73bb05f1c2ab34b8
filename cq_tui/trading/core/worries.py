"""What is not as it should be, in one sentence each: for the health of the trader."""

from collections.abc import Iterator

from cq_tui.trading.core.book import coins_to_sell
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.losing import loss_worries
from cq_tui.trading.core.situation import Situation

#: A position may be without its stop for so long (milliseconds) before that is a worry.
_NAKED_GRACE_MS = 2_000


def worries(s: Situation) -> Iterator[str]:
    """Yield every problem of positions, orders, doubts and connections, the most urgent first."""
    yield from loss_worries(s)
    for symbol, position in s.book.positions.items():
        lane = s.lane(symbol)
        if position.state.is_unsellable:
            yield f"{symbol} cannot be sold: {lane.stuck}"
        elif position.naked is not None and s.ms - position.naked.since_ms > _NAKED_GRACE_MS:
            seconds = (s.ms - position.naked.since_ms) / 1000
            yield f"{symbol} has been without a stop for {seconds:.0f} s ({position.state})"
        if position.exit_reason and lane.exit_pause.failures > 1 and not lane.exit_pause.by_outage:
            yield f"{symbol} is to be closed ({position.exit_reason}), but {_why_held(lane)}"
    for asset in coins_to_sell(s.book):
        wait = s.foreign_progress.waits.get(asset)
        if wait is not None and wait.lasts:
            yield f"{asset} that is not ours is to be sold, but {wait.reason}"
    for order in s.book.open_orders():
        if order.status.is_unknown:
            yield f"{order.symbol}: the outcome of its {order.leg} order is unknown"
    for order in s.book.live_orders():
        if order.lacks_trades:
            yield f"{order.symbol}: the trades of its {order.leg} order are not known yet"
    for symbol, kinds in s.book.doubts.items():
        for text in kinds.values():
            yield f"{symbol or 'account'}: {text}"
    if s.stream_problem is not None and s.is_reconciled:
        yield f"account stream: {s.stream_problem}"


def _why_held(lane: Lane) -> str:
    return f"the exchange says: {lane.exit_refusal}" if lane.exit_refusal else "no attempt has sold it yet"
