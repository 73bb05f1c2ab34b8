"""Facts and their events: each reads back as it was, and fits the contract."""

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.events import PAYLOADS, SAFETY_EVENTS
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import from_event, to_event
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.fact_samples import facts_of
from tests.trading.samples import D

KINDS = get_args(f.Fact)
ORDER = OrderRecord("order", "BTCUSDT", "SELL", "STOP_LOSS", Leg.STOP, "key", D("0.5"), 1)
ORDERS = {"order": ORDER}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_fact_reads_back_from_its_event_as_it_was(kind: type, data: st.DataObject) -> None:
    fact = data.draw(facts_of(kind))
    event_type, body = to_event(fact, ORDERS)
    stored = orjson.loads(orjson.dumps(body))
    assert from_event(event_type, stored) == fact
    assert PAYLOADS[event_type].model_validate(stored).model_dump(exclude_none=True).items() >= stored.items()


@given(st.sampled_from(sorted(PAYLOADS)), st.dictionaries(st.text(), st.none() | st.text() | st.integers()))
def test_what_tells_no_fact_is_none(event_type: str, data: dict[str, Any]) -> None:
    assert from_event(event_type, data) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_event_with_a_field_missing_or_wrong_is_no_fact_or_another(kind: type, data: st.DataObject) -> None:
    fact = data.draw(facts_of(kind))
    event_type, body = to_event(fact, ORDERS)
    name = data.draw(st.sampled_from(sorted(body)))
    for harmed in ({key: value for key, value in body.items() if key != name}, body | {name: ["x"]}):
        read = from_event(event_type, harmed)
        assert read is None or isinstance(read, KINDS)


def test_events_of_the_first_version_are_no_facts() -> None:
    submitted = {
        "symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", "client_order_id": "cq-entry-x", "size": 0.5,
        "leg": "entry", "signal_key": "key",
    }  # fmt: skip
    executed = {
        "symbol": "BTCUSDT", "side": "BUY", "size": 0.5, "price": 100.0, "order_id": "7", "status": "FILLED",
        "commission": 0.0, "commission_asset": "BTC", "client_order_id": "cq-entry-x", "trade_id": "3",
    }  # fmt: skip
    assert from_event("order_submitted", submitted) is None
    assert from_event("order_executed", executed) is None
    denied = {"symbol": "BTCUSDT", "side": "BUY", "reason": "x", "refused_by": "guardrail", "code": "exposure"}
    assert from_event("order_rejected", denied | {"signal_key": "key"}) is None


def test_a_lock_that_says_nothing_of_others_sells_no_coins_of_theirs() -> None:
    """One from before there was such a sale, or of a person who did not ask for it."""
    for symbol in ("", "BTCUSDT"):
        told = {"symbol": symbol, "person": "kim", "why": "x", "ms": 5}
        book = Book("simulated:1", "owner")
        lock = from_event("symbol_locked", told)
        assert lock == f.SymbolLocked(symbol, "kim", "x", 5, foreign=False)
        assert lock is not None
        book.apply(lock)
        assert book.foreign_sale is None


def test_what_an_order_event_says_is_what_people_read() -> None:
    rejected = f.OrderSeen("order", OrderStatus.REJECTED, 5, reason="Filter failure: LOT_SIZE", code=-1013, counts=True)
    assert to_event(rejected, ORDERS) == (
        "order_rejected",
        {
            "symbol": "BTCUSDT", "side": "SELL", "client_order_id": "order", "leg": "stop", "signal_key": "key",
            "status": "REJECTED", "ms": 5, "executed_text": "0", "reason": "Filter failure: LOT_SIZE",
            "code": "-1013", "refused_by": "exchange", "counts": True,
        },
    )  # fmt: skip


_NEEDED_BY_ENTRIES = ("order_rejected", "symbol_failed", "symbol_quarantined", "symbol_released")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_tells_the_book_may_use_the_reserve(kind: type, data: st.DataObject) -> None:
    event_type, _ = to_event(data.draw(facts_of(kind)), ORDERS)
    assert event_type in SAFETY_EVENTS or event_type in _NEEDED_BY_ENTRIES
