"""What became of signals, in short words: for every denial, with counts, and with figures as far as they fit."""

from typing import Any

import pytest

from cq_tui.ops.denial_words import short_refusal
from cq_tui.room.outcomes import (
    SignalGroup,
    count_reasons,
    group_signals,
    hour_of,
    orders_by_signal,
    summarize_reasons,
)
from cq_tui.room.trade_sums import realized_curve, sum_trades
from cq_tui.room.trades import TradeBlotter
from cq_tui.trading.denial import DenialReason
from tests.room.test_trades import event

#: The room that a pane of 80 columns has for the outcome.
_ROOM = 27


class Told:
    """A blotter, told of signals and orders one after the other."""

    def __init__(self) -> None:
        self.blotter = TradeBlotter()
        self._number = 0

    def tell(self, event_type: str, at: float, **data: Any) -> None:
        self._number += 1
        self.blotter.apply_events([event(self._number, event_type, at=at, **data)])

    def signal(self, at: float, symbol: str = "BTCUSDT", side: str = "BUY", entry: float = 100.0) -> str:
        """Tell of a signal and return its natural key."""
        close = int(at * 1000)
        self.tell("signal_generated", at, symbol=symbol, side=side, strategy="s", frame="1s", bar_close_time=close,
                  entry_price=entry)  # fmt: skip
        return f"s:{symbol}:1s:{close}:{side}"

    def deny(self, key: str, at: float, code: str, symbol: str = "BTCUSDT", side: str = "BUY") -> None:
        self.tell("order_rejected", at, symbol=symbol, side=side, signal_key=key, code=code, reason="why",
                  refused_by="guardrail")  # fmt: skip

    def fill(self, key: str, at: float, leg: str, price: float, size: float = 2.0, **data: Any) -> None:
        side = "BUY" if leg == "entry" else "SELL"
        self.tell("order_executed", at, signal_key=key, leg=leg, side=side, price=price, size=size, status="FILLED",
                  client_order_id=f"{leg}-{key}", trade_id=str(self._number), **data)  # fmt: skip

    def groups(self) -> list[SignalGroup]:
        orders = orders_by_signal(self.blotter.orders.values())
        return group_signals(self.blotter.signals.values(), orders, {"BTCUSDT": 2})

    def words(self, room: int = 60) -> list[str]:
        return [group.words(room) for group in self.groups()]


@pytest.mark.parametrize("reason", DenialReason)
def test_each_denial_has_words_of_its_own_that_fit(reason: DenialReason) -> None:
    words = short_refusal(reason, "a long sentence that has no room in a list")
    assert 0 < len(words) <= _ROOM - len("○ ×99 ")
    assert [other for other in DenialReason if short_refusal(other, "") == words] == [reason]


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("-2010", "Account has insufficient balance for requested action.", "balance too small"),
        ("-2010", "Stop price would trigger immediately.", "stop would trigger"),
        ("-1013", "Filter failure: NOTIONAL", "filter NOTIONAL"),
        ("-1013", "Filter failure:", "Filter failure:"),
        ("-9999", "a reason that nobody knew when this was written", "refused"),
        ("-9999", "too odd", "too odd"),
        ("", "", "refused"),
        ("a_later_reason", "\x1b[31mred", "␛[31mred"),
    ],
)
def test_what_the_exchange_says_is_shortened(code: str, reason: str, words: str) -> None:
    assert short_refusal(code, reason) == words


def test_a_fill_says_price_slippage_and_delay_as_far_as_they_fit() -> None:
    told = Told()
    key = told.signal(100.0)
    told.fill(key, 100.041, "entry", 100.003)
    (group,) = told.groups()
    assert group.words(60) == "filled 100.00 +0.3 bp 41 ms"
    assert [group.words(room) for room in (27, 26, 20, 5)] == [
        "filled 100.00 +0.3 bp 41 ms", "filled 100.00 +0.3 bp", "filled 100.00", "filled 100.00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("leg", "reason", "way"),
    [
        ("target", None, "target"), ("stop", None, "stop"), ("exit", "time stop: 30 bars", "time stop"),
        ("exit", "SELL signal s", "signal"), ("exit", "closed by odd means", "hand"), ("exit", "odd", "exit"),
    ],
)  # fmt: skip
def test_a_closed_trade_says_its_profit_and_how(leg: str, reason: str | None, way: str) -> None:
    told = Told()
    key = told.signal(100.0)
    told.fill(key, 100.1, "entry", 100.0)
    if reason:
        told.tell("exit_requested", 101.0, reason=reason)
    told.fill(key, 102.0, leg, 100.2, size=1.0, realized_pnl=0.2)
    assert told.words() == ["filled 100.00 0.0 bp 100 ms"], "half of it is still held"
    told.tell("order_executed", 103.0, signal_key=key, leg=leg, side="SELL", price=100.2, size=1.0, status="FILLED",
              client_order_id=f"{leg}-{key}", trade_id="last", realized_pnl=0.19)  # fmt: skip
    assert told.words() == [f"closed +0.39 by {way}"]
    assert told.groups()[0].outcome.level == "good"


def test_repeated_denials_of_a_symbol_are_one_row_with_a_count() -> None:
    told = Told()
    for at in (1.0, 3.0, 5.0):
        told.deny(told.signal(at), at, "position_open")
        told.deny(told.signal(at + 1, "ETHUSDT", "SELL"), at + 1, "nothing_held", "ETHUSDT", "SELL")
    told.deny(told.signal(7.0), 7.0, "cooldown")
    told.deny(told.signal(8.0), 8.0, "position_open")
    assert told.words() == ["position open", "cooldown", "nothing held ×3", "position open ×3"]
    assert [group.newest.timestamp for group in told.groups()] == [8.0, 7.0, 6.0, 5.0]
    assert {group.outcome.level for group in told.groups()} == {"idle"}


def test_what_was_traded_is_never_counted_together() -> None:
    told = Told()
    for at in (1.0, 2.0):
        told.fill(told.signal(at), at, "entry", 100.0)
    assert len(told.groups()) == 2


def test_reasons_of_the_last_hour_are_counted_and_said_in_a_line() -> None:
    told = Told()
    told.deny(told.signal(10.0), 10.0, "cooldown")
    told.fill(told.signal(4000.0), 4000.0, "entry", 100.0)
    for at in range(4001, 4007):
        told.deny(told.signal(at, side="SELL"), at, "nothing_held", side="SELL")
    told.deny(told.signal(4007.0, "ETHUSDT"), 4007.0, "balance", "ETHUSDT")
    told.signal(4008.0)
    orders = orders_by_signal(told.blotter.orders.values())
    reasons = count_reasons(told.blotter.signals.values(), orders, 5000.0 - 3600.0)
    assert [(reason.count, reason.words, reason.code) for reason in reasons] == [
        (1, "no outcome yet", ""), (1, "traded", ""), (6, "nothing held", "nothing_held"),
        (1, "balance too small", "balance"),
    ]  # fmt: skip
    assert reasons[2].symbols == {"BTCUSDT": 6}
    whole = "last hour 9: 1 no outcome yet, 1 traded, 6 nothing held, 1 balance too small"
    assert summarize_reasons(reasons, "last hour", 200) == whole
    cut = summarize_reasons(reasons, "last hour", len(whole) - 1)
    assert cut == "last hour 9: 1 no outcome yet, 1 traded, 6 nothing held, 1 other"
    assert summarize_reasons([], "last hour", 80) == "last hour: no signal"


def test_an_hour_that_is_not_known_whole_says_since_when() -> None:
    assert hour_of(0.0, 7200.0) == (3600.0, "last hour")
    assert hour_of(3600.0, 7200.0) == (3600.0, "last hour")
    assert hour_of(5400.0, 7200.0) == (5400.0, "since 01:30:00")


def test_what_is_no_longer_kept_bounds_what_is_known() -> None:
    told = Told()
    for at in range(1, 400):
        told.signal(float(at))
    assert told.blotter.dropped_until == 399 - len(told.blotter.signals)
    for at in range(1000, 1700):
        told.fill(f"s:BTCUSDT:1s:{at}:BUY", float(at), "entry", 100.0)
    assert told.blotter.dropped_until == 1699 - len(told.blotter.orders)


def test_the_sums_of_a_day() -> None:
    told = Told()
    told.fill(told.signal(10.0), 10.0, "entry", 100.0, commission=9.0, commission_asset="USDT")
    won, lost, held = told.signal(100.0), told.signal(101.0), told.signal(102.0)
    for key, price in ((won, 100.01), (lost, 100.03), (held, 100.02)):
        told.fill(key, 103.0, "entry", price, commission=0.25, commission_asset="USDT")
    told.fill(won, 104.0, "target", 101.0, realized_pnl=1.5, commission=0.25, commission_asset="USDT")
    told.fill(lost, 104.0, "stop", 99.0, realized_pnl=-2.5, commission=0.001, commission_asset="BNB")
    wanted = {won: 100.0, lost: 100.0, held: 100.0}
    sums = sum_trades(told.blotter.order_groups(), 50.0, "USDT", wanted)
    assert (sums.entries, sums.won, sums.lost, sums.profit, sums.fees) == (3, 1, 1, -1.0, 1.0)
    assert sums.describe() == "3 entries: 1 won, 1 lost · −1.00 · fees 1.00 + BNB · slip +2.0 bp"
    assert sum_trades([], 0.0, "USDT", {}).describe() == "no entries"


def test_a_commission_in_the_bought_coin_counts_at_the_price_of_its_order() -> None:
    told = Told()
    key = told.signal(100.0)
    told.fill(key, 101.0, "entry", 100.0, size=1.0, commission=0.001, commission_asset="BTC")
    told.fill(key, 102.0, "entry", 102.0, size=1.0, commission=0.001, commission_asset="BTC")
    told.fill(key, 103.0, "target", 103.0, size=2.0, commission=0.206, commission_asset="USDT")
    sums = sum_trades(told.blotter.order_groups(), 50.0, "USDT", {})
    assert sums.fees == pytest.approx(0.202 + 0.206)
    assert sums.other_fees == ()


@pytest.mark.parametrize(
    ("reason", "word"),
    [("SELL signal of trend", "signal"), ("time stop of 3600 s", "time stop"), ("close, requested by kim", "hand"),
     ("flatten, requested by kim", "flatten"), ("whatever", "exit"), ("", "exit")],
)  # fmt: skip
def test_by_what_a_position_was_closed(reason: str, word: str) -> None:
    told = Told()
    key = told.signal(100.0)
    told.fill(key, 101.0, "entry", 100.0)
    told.tell("exit_requested", 102.0, symbol="BTCUSDT", reason=reason)
    told.fill(key, 103.0, "exit", 101.0, realized_pnl=2.0)
    assert told.words() == [f"closed +2.00 by {word}"]


def test_realized_profit_is_summed_in_the_order_of_the_sales() -> None:
    told = Told()
    for at, profit in ((100.0, 2.0), (200.0, -5.0), (300.0, 4.0)):
        key = told.signal(at)
        told.fill(key, at, "entry", 100.0)
        told.fill(key, at + 1, "target", 101.0, realized_pnl=profit)
    assert realized_curve(told.blotter.orders.values()) == [2.0, -3.0, 1.0]
