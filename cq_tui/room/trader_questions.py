"""The questions behind the keys for quarantine, doubts and entries by hand: what is asked for, and what follows."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cq_tui.contracts.trader_requests import check_name, check_reason
from cq_tui.ops.formatting import format_age, format_number, format_percent, sanitize
from cq_tui.ops.quarantine_words import describe_count, describe_end, describe_reason
from cq_tui.ops.time_arguments import TimeArgumentError, format_local_time, parse_end
from cq_tui.room.open_now import open_lines
from cq_tui.room.screens.dialog import NO, DialogAnswer
from cq_tui.room.screens.form import FormDialog, FormField, FormVerdict
from cq_tui.room.screens.reasoned_dialog import ReasonedDialog

if TYPE_CHECKING:
    from cq_tui.contracts.account import QuarantineState
    from cq_tui.room.state import RoomState

#: Fields of an entry that may stay empty.
_OPTIONAL = ("size", "limit_price", "reason")


# -- quarantine


def paused_names(state: "RoomState") -> list[str]:
    """Return the symbols and strategies that may open nothing: quarantined, or locked by flattening them."""
    account = state.account
    if account is None:
        return []
    return list(dict.fromkeys([*_quarantined(state), *(account.locks or {})]))


def _quarantined(state: "RoomState") -> "dict[str, QuarantineState]":
    account = state.account
    return {} if account is None else account.quarantine | (account.quarantined_strategies or {})


def release_question(state: "RoomState", name: str) -> ReasonedDialog:
    """Return the question whether a symbol or strategy may trade again."""
    account, row = state.account, _quarantined(state).get(name)
    reasons = []
    if row is not None:
        how = describe_reason(row) if row.cause == "hand" else f"after {describe_count(row)}: {describe_reason(row)}"
        end = describe_end(row)
        reasons += [f"Quarantined {how}", f"{end[:1].upper()}{end[1:]}."]
    if account is not None and (lock := (account.locks or {}).get(name)):
        reasons.append(f"Locked: {lock}")
    reasons += ["The next signal may open a position again.", *open_lines(state)]
    answers = [NO, DialogAnswer("release", "yes, release it", "y")]
    return ReasonedDialog(f"Release {sanitize(name)}?", reasons, answers, state.mode.mode)


def release_requests(state: "RoomState", name: str, why: str | None) -> list[tuple[str, dict[str, str]]]:
    """Return the commands that let a name trade again, with their arguments."""
    account, said = state.account, {"why": why} if why else {}
    kinds = ["release"] if name in _quarantined(state) else []
    kinds += ["resume"] if account is not None and name in (account.locks or {}) else []
    return [(kind, said) for kind in kinds]


def lock_question(state: "RoomState", name: str) -> FormDialog:
    """Return the form that keeps a symbol or strategy from opening positions."""
    fields = [
        FormField("name", "symbol", name, "a symbol or a strategy"),
        FormField("until", "until", "", "18:00, 2026-12-24, 30m, 2h; empty: until you release it"),
        FormField("why", "why", "", "it is recorded"),
    ]
    reasons = ["It opens nothing; what is open stays protected and is closed as usual.", *open_lines(state)]
    answers = [NO, DialogAnswer("lock", "yes, lock it", "y")]
    return FormDialog("Keep from opening positions", reasons, fields, answers, state.mode.mode, _judge_lock)


def lock_end(text: str, now: float) -> float | None:
    """Return when a lock ends, Unix seconds; None for one without an end. Raises TimeArgumentError."""
    return parse_end(text, now) if text else None


def _judge_lock(values: Mapping[str, str]) -> FormVerdict:
    now = time.time()
    try:
        check_name(values["name"])
        end = lock_end(values["until"], now)
        check_reason(values["why"])
    except (ValueError, TimeArgumentError) as error:
        return FormVerdict(_sentence(error))
    until = "until you release it" if end is None else f"until {format_local_time(end, now)}, {format_age(end - now)}"
    return FormVerdict(preview=(f"{values['name']} opens nothing {until}.",))


# -- entries by hand


def entry_question(state: "RoomState", symbol: str) -> FormDialog:
    """Return the form of an entry by hand, or of a SELL that closes one."""
    ticker, own = state.tickers.get(symbol), _held_by_hand(state, symbol)
    fields = [
        FormField("side", "side", "SELL" if own else "BUY", "BUY opens, SELL closes what this name holds"),
        FormField("symbol", "symbol", symbol, "such as BTCUSDT"),
        FormField("stop", "stop", "", "a BUY needs one"),
        FormField("target", "target", "", "a BUY needs one"),
        FormField("size", "size", "", "at most so many coins; empty: the trader's own size"),
        FormField("limit_price", "limit", "", "at most this price; empty: the market's"),
        FormField("strategy", "name", own or "manual", "whose it is"),
        FormField("reason", "why", "", "it is recorded"),
    ]
    now = f"{sanitize(symbol)} is at {ticker.price:,.{ticker.decimals}f}." if ticker else ""
    reasons = [
        *([now] if now else []),
        "It passes the same guardrails as every signal, and is sized by the same rules.",
        *open_lines(state),
    ]
    answers = [NO, DialogAnswer("send", "yes, send it", "y", danger=True)]

    def judge(values: Mapping[str, str]) -> FormVerdict:
        return _judge_entry(state, values)

    return FormDialog("Enter by hand", reasons, fields, answers, state.mode.mode, judge)


def _held_by_hand(state: "RoomState", symbol: str) -> str | None:
    """Return under which name a person holds a symbol: no strategy of ARES has that name."""
    position = state.account.positions.get(symbol) if state.account else None
    name = position.strategy if position else None
    return name if name and not (state.ares and name in state.ares.active_strategies) else None


def entry_fields(values: Mapping[str, str], signal_id: str) -> dict[str, Any]:
    """Return a signal's fields from those of the form."""
    given = {name: value for name, value in values.items() if value or name not in (*_OPTIONAL, "stop", "target")}
    return given | {"id": signal_id}


def _judge_entry(state: "RoomState", values: Mapping[str, str]) -> FormVerdict:
    from cq_tui.contracts.outside_signals import SignalFault, read_signal

    try:
        signal = read_signal(entry_fields(values, "judged"))
    except SignalFault as fault:
        return FormVerdict(_sentence(fault))
    ticker = state.tickers.get(signal.symbol)
    price = signal.limit_price or (ticker.ask if ticker else None)
    if signal.side == "SELL":
        return FormVerdict(preview=(f"Closes what {signal.strategy} holds in {signal.symbol}.",))
    if price is None or signal.stop is None or signal.target is None:
        return FormVerdict(preview=(f"The price of {signal.symbol} is not known yet.",))
    if not signal.stop < price < signal.target:
        return FormVerdict(f"At {price:,} the stop must be below and the target above.")
    down, up = signal.stop / price - 1, signal.target / price - 1
    odds = format_number(up / -down, 2)
    return FormVerdict(
        preview=(
            f"At {price:,}: stop {format_percent(down * 100)}, target {format_percent(up * 100)}, "
            f"reward / risk {odds}.",
        )
    )


# -- what a person accepts


def acceptance_question(state: "RoomState", name: str, text: str) -> FormDialog:
    """Return the form that accepts a fault of the history, or what the trader cannot explain, for a reason."""
    fields = [FormField("why", "why", "", "it is recorded with your name")]
    answers = [NO, DialogAnswer("accept", "yes, accept it", "y", danger=True)]
    reasons = [text, "Nothing is erased: the acceptance is recorded, with your name and the time."]
    return FormDialog(f"Accept {sanitize(name, 60)}?", reasons, fields, answers, state.mode.mode, _judge_why)


def _judge_why(values: Mapping[str, str]) -> FormVerdict:
    try:
        check_reason(values["why"])
    except ValueError as error:
        return FormVerdict(_sentence(error))
    return FormVerdict()


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
