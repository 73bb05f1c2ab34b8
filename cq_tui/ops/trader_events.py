"""One plain sentence for each event that tells the trader's book."""

from typing import TYPE_CHECKING

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.account_words import format_milliseconds, naked_words
from cq_tui.ops.formatting import format_datetime, plain_amount

if TYPE_CHECKING:
    from cq_tui.store.reading.event import HistoryEvent


def entry_waits(event: "HistoryEvent") -> str:
    """An entry waits for its limit price."""
    until = event.number_field("until_ms")
    end = "" if until is None else f" until {format_datetime(until / 1000)}"
    return f"{_symbol(event)} entry of {event.text_field('strategy') or 'unknown'} waits{end} for " + (
        f"{_plain(event, 'limit_price') or 'its limit price'}"
    )


def exit_requested(event: "HistoryEvent") -> str:
    """A position is to be closed."""
    return f"{_symbol(event)} is to be closed{_because(event, 'reason')}"


def part_exit_requested(event: "HistoryEvent") -> str:
    """A part of a position is to be sold."""
    return f"{_symbol(event)} is to be sold down to {_plain(event, 'keep') or 'unknown'}{_because(event, 'reason')}"


def part_exit_ended(event: "HistoryEvent") -> str:
    """The sale of a part is over."""
    unsold = event.text_field("unsold") or ""
    if not unsold.strip("0."):
        return f"{_symbol(event)} part sold, the rest stays"
    return f"{_symbol(event)} {_plain(event, 'unsold')} of the part stays{_because(event, 'reason')}"


def stop_moved(event: "HistoryEvent") -> str:
    """The stop was raised."""
    return f"{_symbol(event)} stop raised to {_plain(event, 'stop_loss') or 'unknown'}"


def position_changed(event: "HistoryEvent") -> str:
    """A position's state changed."""
    naked = event.number_field("naked_ms")
    kind = event.text_field("naked_kind")
    why = f" ({naked_words(kind)})" if kind is not None else ""
    bare = f", after {format_milliseconds(naked)} without a stop{why}" if naked is not None else ""
    before, after = event.text_field("before") or "unknown", event.text_field("after") or "unknown"
    return f"{_symbol(event)} {before} → {after}{bare}{_because(event, 'reason')}"


def position_adopted(event: "HistoryEvent") -> str:
    """Coins that were already held came under protection, or are to be sold."""
    quantity, base = _plain(event, "quantity"), event.text_field("base_asset") or ""
    if event.text_field("exit_reason"):
        return f"{_symbol(event)} {quantity} {base} taken over to be sold{_by(event)}{_because(event, 'why')}"
    strategy = event.text_field("strategy")
    owner = f" for {strategy}" if strategy else ""
    return f"{_symbol(event)} {quantity} {base} put under protection{_by(event)}{owner}{_because(event, 'why')}"


def doubt_raised(event: "HistoryEvent") -> str:
    """Something cannot be explained."""
    return f"nothing is opened in {event.text_field('symbol') or 'any symbol'}{_because(event, 'text')}"


def doubt_ended(event: "HistoryEvent") -> str:
    """A doubt was explained or accepted."""
    return f"{event.text_field('symbol') or 'account'} in doubt no more{_by(event)}{_because(event, 'how')}"


def holding_accepted(event: "HistoryEvent") -> str:
    """Coins were written off."""
    quantity = _plain(event, "quantity")
    return f"{_symbol(event)} {quantity} written off as gone{_by(event)}{_because(event, 'why')}"


def symbol_quarantined(event: "HistoryEvent") -> str:
    """A symbol or a strategy opens nothing for a while."""
    until, probe = event.number_field("until"), "" if event.text_field("person") else ", then a probe"
    end = "" if until is None else f" until {format_datetime(until)}{probe}" if until < NO_END else " until released"
    return f"{_quarantined(event)} quarantined{_by(event)}{end}{_because(event, 'reason')}"


def symbol_released(event: "HistoryEvent") -> str:
    """A symbol or a strategy may open positions again, or one cause of its quarantine is over."""
    cause = event.text_field("cause")
    what = f"quarantine is over ({cause})" if cause else "may trade again"
    return f"{_quarantined(event)} {what}{_because(event, 'reason')}"


def symbol_locked(event: "HistoryEvent") -> str:
    """A symbol, or all, was flattened."""
    return f"{event.text_field('symbol') or 'everything'} flattened{_by(event)}{_because(event, 'why')}"


def foreign_sale_planned(event: "HistoryEvent") -> str:
    """What of the coins that are not ours is to be sold, and what is left."""
    coins, left = event.data.get("coins"), event.data.get("left")
    sold = (
        [f"{asset} {plain_amount(str(amount))}" for asset, amount in coins.items()] if isinstance(coins, dict) else []
    )
    kept = [f"{asset} stays{_why_left(one)}" for asset, one in left.items()] if isinstance(left, dict) else []
    what = f"still to be sold: {', '.join(sold)}" if sold else "nothing is left to be sold"
    return "; ".join([f"coins of others: {what}", *kept])


def _why_left(left: object) -> str:
    reason = left.get("reason") if isinstance(left, dict) else None
    return f": {reason}" if isinstance(reason, str) else ""


def symbol_unlocked(event: "HistoryEvent") -> str:
    """A symbol, or all, may be opened again."""
    return f"{event.text_field('symbol') or 'trading'} resumed{_by(event)} after a flatten{_because(event, 'why')}"


def account_opened(event: "HistoryEvent") -> str:
    """Profit is counted from here."""
    return f"profit is counted from {_amount(event, 'quantity')}"


def funds_moved(event: "HistoryEvent") -> str:
    """The quote balance changed otherwise than by trades."""
    change = event.text_field("change") or ""
    return f"{'' if change.startswith('-') else '+'}{_amount(event, 'change')}{_because(event, 'reason')}"


def equity_marked(event: "HistoryEvent") -> str:
    """The account's worth, when a day began or at a new peak."""
    return f"the account is worth {_plain(event, 'equity')}"


def loss_limit_reached(event: "HistoryEvent") -> str:
    """So much was lost that a limit holds."""
    name, tier = (event.text_field("limit") or "loss").replace("_", " "), event.text_field("tier") or "unknown"
    return f"{name} limit reached ({tier}): equity {_plain(event, 'equity')} of {_plain(event, 'base')}"


def loss_limit_ended(event: "HistoryEvent") -> str:
    """A limit on losses holds no more."""
    name = (event.text_field("limit") or "loss").replace("_", " ")
    return f"{name} limit holds no more{_because(event, 'how')}{_by(event)}{_because(event, 'why')}"


def commission_valued(event: "HistoryEvent") -> str:
    """Commissions in a third asset got their price."""
    asset, price = event.text_field("asset") or "", _plain(event, "price")
    return f"{_symbol(event)} commissions in {asset} valued at {price}"


def book_taken_over(event: "HistoryEvent") -> str:
    """A book of the first version became the book of an account."""
    mode, account = event.text_field("mode") or "unknown", event.text_field("account") or "unknown"
    return f"the book of mode {mode} became that of the account {account}"


def _quarantined(event: "HistoryEvent") -> str:
    return event.text_field("symbol") or event.text_field("strategy") or "unknown symbol"


def _symbol(event: "HistoryEvent") -> str:
    return event.text_field("symbol") or "unknown symbol"


def _amount(event: "HistoryEvent", field: str) -> str:
    return f"{_plain(event, field)} {event.text_field('asset') or ''}".strip()


def _plain(event: "HistoryEvent", field: str) -> str:
    return plain_amount(event.text_field(field) or "")


def _because(event: "HistoryEvent", field: str) -> str:
    text = event.text_field(field)
    return f": {text}" if text else ""


def _by(event: "HistoryEvent") -> str:
    person = event.text_field("person")
    return f" by {person}" if person else ""
