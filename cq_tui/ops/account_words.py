"""The trader's account in words: whose it is, its money, what was unprotected, in doubt, or is not ours.

The room's details of the trader and ``cq-tui status`` show the same lines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.ops.formatting import format_datetime, format_number, format_signed, plain_amount, pluralize, sanitize
from cq_tui.ops.loss_words import describe_limit
from cq_tui.ops.quarantine_words import describe_end, describe_reason

if TYPE_CHECKING:
    # The room's first paint needs these words, not the models.
    from cq_tui.contracts.account import AccountState, RemainderState
    from cq_tui.contracts.health import TraderHealth, UnprotectedTimes

#: Names shown in one line before the rest is only counted: a testnet account holds hundreds of coins.
_SHOWN = 6
_NAKED_WORDS = {
    "entry_list": "entry by list",
    "entry_oco": "entry by OCO",
    "trail": "stop moved",
    "exit": "exit",
    "lost": "stop lost",
}


class AccountLine(NamedTuple):
    """One line: what it is about, and the text, sanitized."""

    name: str
    text: str


def account_lines(health: "TraderHealth | None", account: "AccountState | None") -> list[AccountLine]:
    """Return what the trader's health and account files say of the account; nothing for those of the first version."""
    if health is None or health.account is None:
        return []
    lines = [AccountLine("account", f"{sanitize(health.account)}, owner {sanitize(health.owner or 'not chosen yet')}")]
    lines += [AccountLine("in doubt", text) for text in doubt_texts(health.doubts or {})]
    lines += [
        AccountLine("cannot be sold", f"{sanitize(symbol)}: {sanitize(why)}; tried again by itself")
        for symbol, why in (health.unsellable or {}).items()
    ]
    lines += [AccountLine("notice", sanitize(text)) for text in health.notices or ()]
    # The account file may be another account's: the trader that has just changed its account has not written it yet.
    if account is not None and account.account == health.account:
        lines += [*_money(account), *_limits(account), *_paused(account), *_waiting(account)]
    lines += [
        AccountLine("without a stop", f"{naked_words(kind)}: {_times(times)}")
        for kind, times in (health.unprotected or {}).items()
    ]
    if account is not None and account.account == health.account:
        lines += _beside(account)
    return lines


def doubt_texts(doubts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield for each symbol, or the account, what cannot be explained and what to do about it."""
    for symbol, texts in doubts.items():
        name = sanitize(symbol)
        yield f"{name}: {'; '.join(map(sanitize, texts))} · {accept_hint(name)}"


def accept_hint(symbol: str) -> str:
    """Return the next step where something is in doubt. ``symbol``: or ``account``."""
    return f"look at the exchange, then cq-tui accept {sanitize(symbol)} --why TEXT"


def unlock_hint(symbol: str) -> str:
    """Return the command that lets a symbol be opened again that was flattened."""
    return f"cq-tui resume {sanitize(symbol)}"


def naked_words(kind: str) -> str:
    """Return in words why a position was without its stop."""
    return _NAKED_WORDS.get(kind, sanitize(kind))


def format_milliseconds(milliseconds: float) -> str:
    """``0 ms``, ``850 ms``, ``1.2 s``."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1_000 else f"{milliseconds / 1_000:,.1f} s"


def _times(times: "UnprotectedTimes") -> str:
    often = "once" if times.count == 1 else f"{times.count:,} times"
    median, p99, longest = map(format_milliseconds, (times.p50_ms, times.p99_ms, times.max_ms))
    return f"{often}, median {median}, p99 {p99}, longest {longest}"


def _money(account: "AccountState") -> Iterator[AccountLine]:
    quote = sanitize(account.quote_asset, 12)
    parts = [f"equity {format_number(account.equity, 2)} {quote}", f"realized {format_signed(account.realized_pnl)}"]
    for name, amount in (("unrealized", account.unrealized_pnl), ("today", account.day_profit)):
        if amount is not None:
            parts.append(f"{name} {format_signed(amount)}")
    if account.drawdown is not None:
        peak = "" if account.peak is None else f" from the peak {format_number(account.peak, 2)}"
        parts.append(f"drawdown {format_number(account.drawdown, 2)}{peak}")
    if account.deposits:
        parts.append(f"deposits less withdrawals {format_signed(account.deposits)}")
    yield AccountLine("money", " · ".join(parts))


def _limits(account: "AccountState") -> Iterator[AccountLine]:
    """Yield how near the limits on losses are, and which hold."""
    for name, state in (account.loss_limits or {}).items():
        yield AccountLine("limit", describe_limit(name, state))


def _paused(account: "AccountState") -> Iterator[AccountLine]:
    """Yield which symbols and strategies open nothing, why, and what ends that."""
    for name, row in (account.quarantine | (account.quarantined_strategies or {})).items():
        text = f"{name}: {describe_reason(row)}; {describe_end(row, with_date=True)}"
        yield AccountLine("quarantined", sanitize(text))
    for symbol, why in (account.locks or {}).items():
        yield AccountLine("locked", f"{sanitize(symbol)}: {sanitize(why)}; until {unlock_hint(symbol)}")


def _waiting(account: "AccountState") -> Iterator[AccountLine]:
    """Yield the entries that wait for their limit price."""
    for one in account.waiting_entries or ():
        price, until = plain_amount(f"{one.limit_price:.8f}"), format_datetime(one.until_ts)
        what = f"{sanitize(one.symbol)} entry of {sanitize(one.strategy)}, for {price} until {until}"
        yield AccountLine("waiting", what)


def _beside(account: "AccountState") -> Iterator[AccountLine]:
    """Yield what is beside the positions: our remainders, and what is not ours."""
    if account.remainders:
        yield AccountLine("remainders", _remainders(account.remainders, account.quote_asset))
    if account.foreign_coins:
        coins = (
            f"{sanitize(plain_amount(amount), 40)} {sanitize(asset, 20)}"
            for asset, amount in account.foreign_coins.items()
        )
        yield AccountLine("not ours", f"{_some(coins)}; left alone. cq-tui adopt SYMBOL --stop PRICE protects coins")
    if account.foreign_orders:
        orders = (sanitize(order, 80) for order in account.foreign_orders)
        yield AccountLine("others' orders", f"{_some(orders)}; left alone")


def _remainders(remainders: "Mapping[str, RemainderState]", quote: str) -> str:
    worth = sum(left.worth or 0.0 for left in remainders.values())
    unpriced = " without what has no price" if any(left.worth is None for left in remainders.values()) else ""
    what = f"{pluralize(len(remainders), 'symbol')}, worth {format_number(worth, 2)} {sanitize(quote, 12)}{unpriced}"
    return f"{what}; sold with the next exit in each"


def _some(texts: Iterable[str]) -> str:
    known = [*texts]
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return "; ".join(known[:_SHOWN]) + more
