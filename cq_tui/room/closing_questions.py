"""The questions behind the keys that sell: what is held, what it is worth, and what follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cq_tui.contracts.mode import Mode
from cq_tui.ops.formatting import format_number, format_quantity, format_signed, sanitize
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState, PositionState
    from cq_tui.room.state import RoomState

#: Positions named in a question at most.
_MOST_NAMED = 12


def flatten_question(state: "RoomState") -> Dialog:
    """Return the question whether to sell everything."""
    account = state.account
    reasons = ["Trading is halted until you resume with H; every position is sold at market.", ""]
    positions = list(account.positions.values()) if account is not None else []
    reasons += [line for one in positions[:_MOST_NAMED] for line in _position_lines(state, one)]
    if len(positions) > _MOST_NAMED:
        reasons.append(f"and {len(positions) - _MOST_NAMED} more")
    if not positions:
        reasons.append("Nothing is held now; what is bought at this moment is sold as well.")
    reasons += _remainder_lines(account)
    if account is not None and account.foreign_coins:
        reasons.append("Coins that are not the trader's stay; `cq-tui flatten --all` sells them, too.")
    answers = [NO, DialogAnswer("flatten", "yes, flatten all", "y", danger=True)]
    return Dialog("Sell everything and halt?", reasons, answers, state.mode.mode, danger=True)


def close_question(state: "RoomState", symbol: str) -> Dialog:
    """Return the question whether to close a position."""
    account = state.account
    assert account is not None  # the position is there
    reasons = [
        *_position_lines(state, account.positions[symbol]),
        "It is sold at market. The next signal may buy again.",
    ]
    answers = [NO, DialogAnswer("close", "yes, close it", "y", danger=True)]
    return Dialog(f"Close {sanitize(symbol)}?", reasons, answers, state.mode.mode)


def choice_question(symbols: Sequence[str], mode: Mode) -> Dialog:
    """Return the question which position to close; the answer's name ends with its index."""
    answers = [
        DialogAnswer(f"position-{index}", sanitize(one), str(index + 1)) for index, one in enumerate(symbols[:9])
    ]
    return Dialog("Which position do you want to close?", [], [NO, *answers], mode)


def _position_lines(state: "RoomState", position: "PositionState") -> list[str]:
    ticker = state.tickers.get(position.symbol)
    bid = ticker.bid if ticker else 0.0
    worth = f", worth {format_number(position.size * bid, 2)}" if bid > 0 else ""
    unrealized = format_signed(position.unrealized_at(bid))
    line = f"· {sanitize(position.symbol)}: {format_quantity(position.size)}{worth}, unrealized {unrealized}"
    return [line, f"  {position.unsellable} of it stays: too little to sell"] if position.unsellable else [line]


def _remainder_lines(account: "AccountState | None") -> list[str]:
    remainders = (account.remainders or {}) if account is not None else {}
    if not remainders:
        return []
    worth = sum(one.worth or 0.0 for one in remainders.values())
    return [f"Left from earlier positions: {', '.join(map(sanitize, remainders))}, worth {format_number(worth, 2)}."]
