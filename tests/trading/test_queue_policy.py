"""Which request goes next: exits before entries, connections kept for them, no symbol twice."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.orders import NewOrder
from cq_tui.trading.core.effects import CHANGES, FetchAccount, PlaceOrder, QueryOrder, Request, Urgency
from cq_tui.trading.queue_policy import ENTRY_PATIENCE, SHARES, Decision, Waiting, decide, pauses_after

URGENCIES = st.sampled_from(Urgency)
SYMBOLS = st.sampled_from(["BTCUSDT", "ETHUSDT", "BNBUSDT", ""])


def change(number: int, symbol: str = "BTCUSDT", urgency: Urgency = Urgency.ENTRY) -> PlaceOrder:
    order = NewOrder(symbol or "X", "BUY", "MARKET", f"o{number}", quantity=Decimal(1))
    return PlaceOrder(number=number, symbol=symbol, urgency=urgency, order=order)


def read(number: int, symbol: str = "BTCUSDT", urgency: Urgency = Urgency.ROUTINE) -> QueryOrder:
    return QueryOrder(number=number, symbol=symbol, urgency=urgency, client_order_id="o")


def numbers(decision: Decision) -> list[int]:
    return [request.number for request in decision.start]


def waiting(*requests: Request, since: float = 0.0) -> list[Waiting]:
    return [Waiting(request, since) for request in requests]


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[Waiting], list[Request]]:
    made: list[Request] = []
    for number in range(draw(st.integers(0, 40))):
        make = draw(st.sampled_from([change, read]))
        made.append(make(number, draw(SYMBOLS), draw(URGENCIES)))
    flying: list[Request] = []
    changing: set[str] = set()
    for request in made[: draw(st.integers(0, 25))]:
        if not (isinstance(request, CHANGES) and request.symbol in changing):
            flying.append(request)
            changing |= {request.symbol} if isinstance(request, CHANGES) else set()
    return waiting(*(request for request in made if request not in flying)), flying


@given(queues(), st.floats(0, 5))
def test_the_rules_hold_for_any_queue(queue: tuple[list[Waiting], list[Request]], now: float) -> None:
    waits, flying = queue
    decision = decide(waits, flying, {}, now)
    together = [*flying, *decision.start]
    before = list(flying)
    for request in decision.start:
        changing = {one.symbol for one in before if isinstance(one, CHANGES)}
        assert not isinstance(request, CHANGES) or request.urgency <= Urgency.EXIT or request.symbol not in changing
        before.append(request)
    for urgency in {request.urgency for request in decision.start}:
        assert sum(request.urgency >= urgency for request in together) <= SHARES[urgency]
    left = [entry.request for entry in waits if entry.request not in decision.start]
    left = [request for request in left if request not in [one.request for one in decision.withheld]]
    for request in left:
        changing = {other.symbol for other in together if isinstance(other, CHANGES)}
        symbol_busy = isinstance(request, CHANGES) and request.urgency > Urgency.EXIT and request.symbol in changing
        is_full = any(
            sum(other.urgency >= urgency for other in together) >= SHARES[urgency]
            for urgency in Urgency
            if urgency <= request.urgency
        )
        assert symbol_busy or is_full, "nothing waits without a reason"
    for one in decision.withheld:
        assert one.request.urgency is Urgency.ENTRY


def test_slow_reads_never_delay_an_exit() -> None:
    reads = [read(number, f"S{number}", urgency) for number, urgency in enumerate(list(Urgency)[2:] * 20)]
    flying = list(decide(waiting(*reads), [], {}, 0.0).start)
    assert len(flying) == SHARES[Urgency.RESOLVE]
    leave = change(100, "BTCUSDT", Urgency.EXIT)
    assert numbers(decide(waiting(*reads[20:], leave), flying, {}, 0.0)) == [100]


def test_protection_finds_a_connection_among_exits() -> None:
    exits = [change(number, f"S{number}", Urgency.EXIT) for number in range(30)]
    flying = list(decide(waiting(*exits), [], {}, 0.0).start)
    assert len(flying) == SHARES[Urgency.EXIT] < SHARES[Urgency.PROTECT]
    assert numbers(decide(waiting(change(90, "T", Urgency.PROTECT)), flying, {}, 0.0)) == [90]


def test_the_urgent_goes_first_then_the_idle_symbol_then_the_older() -> None:
    queue = waiting(
        read(1), read(2), read(3, "ETHUSDT"), change(4, "BNBUSDT"), change(5, "BTCUSDT", Urgency.EXIT),
        FetchAccount(number=6, symbol="", urgency=Urgency.RESOLVE),
    )  # fmt: skip
    assert numbers(decide(queue, [], {}, 0.0)) == [5, 6, 4, 3, 1, 2]
    assert numbers(decide(queue[:3], [], {}, 0.0)) == [1, 3, 2]


def test_a_change_waits_for_the_change_before_it_and_a_read_does_not() -> None:
    queue = waiting(change(2), read(3, urgency=Urgency.RESOLVE), change(4, "ETHUSDT"))
    assert numbers(decide(queue, [change(1)], {}, 0.0)) == [3, 4]


def test_protection_and_exits_do_not_wait_for_an_answer_that_is_late() -> None:
    queue = waiting(change(2, urgency=Urgency.PROTECT), change(3, "ETHUSDT", Urgency.EXIT))
    assert numbers(decide(queue, [change(1), change(4, "ETHUSDT")], {}, 0.0)) == [2, 3]


def test_an_entry_that_waited_too_long_is_given_back() -> None:
    queue = waiting(change(2), since=10.0)
    early = decide(queue, [change(1)], {}, 10.5)
    assert (early.start, early.withheld, early.again_at) == ((), (), 10.0 + ENTRY_PATIENCE)
    late = decide(queue, [change(1)], {}, 10.0 + ENTRY_PATIENCE)
    assert [one.request.number for one in late.withheld] == [2]
    assert late.again_at is None


@pytest.mark.parametrize("held_back", Urgency)
def test_an_exhausted_budget_withholds_all_but_protection_and_exits(held_back: Urgency) -> None:
    paused = pauses_after(held_back, 5.0, 100.0)
    queue = waiting(*(read(number, f"S{number}", urgency) for number, urgency in enumerate(Urgency)))
    decision = decide(queue, [], paused, 102.0)
    withheld = [one.request.urgency for one in decision.withheld]
    assert withheld == [one for one in Urgency if one >= max(held_back, Urgency.RESOLVE)]
    assert all(one.retry_after == 3.0 for one in decision.withheld)
    assert decide(queue, [], paused, 105.0).withheld == ()
