"""The questions behind the keys that sell: what is held, what it is worth, and what follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import format_number, format_quantity, format_signed, plain_amount, sanitize
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer
from cq_tui.room.screens.reasoned_dialog import ReasonedDialog

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState, PositionState
    from cq_tui.room.state import RoomState

#: Positions named in a question at most.
_MOST_NAMED = 12
#: Positions to choose from at most: each has a digit.
_MOST_CHOICES = 9


def flatten_question(state: "RoomState") -> ReasonedDialog:
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
    return ReasonedDialog("Sell everything and halt?", reasons, answers, state.mode.mode, danger=True)


def close_question(state: "RoomState", symbol: str) -> ReasonedDialog:
    """Return the question whether to close a position."""
    account = state.account
    assert account is not None  # the position is there
    reasons = [
        *_position_lines(state, account.positions[symbol]),
        "It is sold at market. The next signal may buy again.",
    ]
    answers = [NO, DialogAnswer("close", "yes, close it", "y", danger=True)]
    return ReasonedDialog(f"Close {sanitize(symbol)}?", reasons, answers, state.mode.mode)


def choice_question(state: "RoomState", symbols: Sequence[str]) -> Dialog:
    """Return the question which position to close; the answer's name ends with its index."""
    account = state.account
    assert account is not None  # the positions are there
    answers = [
        DialogAnswer(f"position-{index}", _position_words(state, account.positions[one]), str(index + 1))
        for index, one in enumerate(symbols[:_MOST_CHOICES])
    ]
    more = len(symbols) - len(answers)
    reasons = [f"For one of the other {more}, select its row in the feeder's list and press c."] if more else []
    question = "Which position do you want to close?"
    return Dialog(question, reasons, [NO, *answers], state.mode.mode, is_list=True)


def _position_lines(state: "RoomState", position: "PositionState") -> list[str]:
    line = f"· {_position_words(state, position)}"
    if not position.unsellable:
        return [line]
    return [line, f"  {sanitize(plain_amount(position.unsellable))} of it stays: too little to sell"]


def _position_words(state: "RoomState", position: "PositionState") -> str:
    ticker = state.tickers.get(position.symbol)
    bid = ticker.bid if ticker else 0.0
    worth = f", worth {format_number(position.size * bid, 2)}" if bid > 0 else ""
    unrealized = format_signed(position.unrealized_at(bid))
    return f"{sanitize(position.symbol)}: {format_quantity(position.size)}{worth}, unrealized {unrealized}"


def _remainder_lines(account: "AccountState | None") -> list[str]:
    if account is None or not account.remainders:
        return []
    remainders = account.remainders
    worth = sum(one.worth or 0.0 for one in remainders.values())
    total = f"{format_number(worth, 2)} {sanitize(account.quote_asset, 12)}"
    return [f"Left from earlier positions: {', '.join(map(sanitize, remainders))}, worth {total}."]
