"""The questions behind the keys that sell: what is held, what it is worth, and what follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import (
    format_clock,
    format_number,
    format_price,
    format_quantity,
    format_signed,
    plain_amount,
    sanitize,
)
from cq_tui.room.choices import MOST, choice_question
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer
from cq_tui.room.screens.reasoned_dialog import ReasonedDialog

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState, PositionState
    from cq_tui.room.state import RoomState

#: Positions named in a question at most.
_MOST_NAMED = 12


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
    position, waiting = _position_of(state, symbol), _waiting_lines(state, symbol)
    if position is None:
        answers = [NO, DialogAnswer("close", "yes, cancel it", "y", danger=True)]
        reasons = [*waiting, "Nothing of it is at the exchange. The next signal may enter again."]
        return ReasonedDialog(f"Cancel the entry in {sanitize(symbol)}?", reasons, answers, state.mode.mode)
    reasons = [*_position_lines(state, position), "It is sold at market. The next signal may buy again."]
    if waiting:
        reasons += ["Canceled as well:", *waiting]
    answers = [NO, DialogAnswer("close", "yes, close it", "y", danger=True)]
    return ReasonedDialog(f"Close {sanitize(symbol)}?", reasons, answers, state.mode.mode)


def closable(state: "RoomState") -> list[str]:
    """Return the symbols with a position, then those with an entry that waits for its price."""
    account = state.account
    if account is None:
        return []
    return list(dict.fromkeys([*account.positions, *(one.symbol for one in account.waiting_entries or ())]))


def _position_of(state: "RoomState", symbol: str) -> "PositionState | None":
    return state.account.positions.get(symbol) if state.account else None


def _waiting_lines(state: "RoomState", symbol: str) -> list[str]:
    waiting = (state.account.waiting_entries or ()) if state.account else ()
    ticker = state.tickers.get(symbol)
    decimals = ticker.decimals if ticker else None
    return [
        f"· {sanitize(one.strategy)} waits for {format_price(one.limit_price, decimals)} "
        f"until {format_clock(one.until_ts)}"
        for one in waiting
        if one.symbol == symbol
    ]


def which_question(state: "RoomState", symbols: Sequence[str]) -> Dialog:
    """Return the question which position to close."""
    more = len(symbols) - MOST
    reasons = [f"For one of the other {more}, select its row in the feeder's list and press c."] if more > 0 else []
    labels = [_choice_words(state, one) for one in symbols]
    return choice_question("Which position do you want to close?", labels, state.mode.mode, reasons)


def _choice_words(state: "RoomState", symbol: str) -> str:
    position = _position_of(state, symbol)
    return f"{sanitize(symbol)}: an entry waits" if position is None else _position_words(state, position)


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
