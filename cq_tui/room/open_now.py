"""What is open now, in lines for every question about risk."""

from typing import TYPE_CHECKING

from cq_tui.ops.formatting import format_quantity, format_signed, sanitize

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Positions named at most.
_MOST_NAMED = 6


def open_lines(state: "RoomState") -> list[str]:
    """Return each open position with its profit; how many more there are."""
    account = state.account
    if account is None or not account.positions:
        return ["Open now: nothing."]
    lines = []
    for one in account.positions.values():
        ticker = state.tickers.get(one.symbol)
        profit = format_signed(one.unrealized_at(ticker.bid if ticker else 0.0))
        words = f"{sanitize(one.symbol)} {format_quantity(one.size)}, {profit} {sanitize(account.quote_asset, 8)}"
        lines.append(f"Open now: {words}")
    more = len(lines) - _MOST_NAMED
    return lines if more <= 0 else [*lines[:_MOST_NAMED], f"and {more} more"]
