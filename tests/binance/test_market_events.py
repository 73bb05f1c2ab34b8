"""Messages of combined streams as typed events, including recorded ones."""

import gzip
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.market_events import (
    BookTickerUpdate,
    ControlReply,
    DepthUpdate,
    KlineUpdate,
    MiniTickerUpdate,
    ShutdownNotice,
    TradeUpdate,
    parse_stream_message,
)
from cq_tui.contracts.market import Kline
from tests.binance import samples

RECORDED = Path(__file__).resolve().parents[2] / "../shared/binance/fixtures/hftbacktest_spot_btcusdt_20240808.gz"


def parsed(message: object) -> object:
    return parse_stream_message(orjson.dumps(message))


def test_book_ticker() -> None:
    assert parsed(samples.book_ticker_event()) == BookTickerUpdate(
        "BTCUSDT", 400900217, Decimal("25.3519"), Decimal("31.21"), Decimal("25.3652"), Decimal("40.66")
    )


def test_mini_ticker() -> None:
    event = parsed(samples.mini_ticker_event())
    assert event == MiniTickerUpdate(
        "BTCUSDT",
        1672515782136,
        last_price=Decimal("0.0025"),
        open_price=Decimal("0.0010"),
        high_price=Decimal("0.0026"),
        low_price=Decimal("0.0009"),
        volume=Decimal(10000),
        quote_volume=Decimal(18),
    )
    assert isinstance(event, MiniTickerUpdate)


def test_trade() -> None:
    assert parsed(samples.trade_event()) == TradeUpdate(
        "BTCUSDT", 1672515782136, 12345, Decimal("0.001"), Decimal(100), 1672515782100, buyer_is_maker=True
    )


def test_depth() -> None:
    assert parsed(samples.depth_event()) == DepthUpdate(
        "BTCUSDT", 1672515782136, 157, 160, [["0.0024", "10"]], [["0.0026", "100"]]
    )


def test_kline() -> None:
    event = parsed(samples.kline_event(x=True))
    assert isinstance(event, KlineUpdate)
    assert isinstance(event.kline, Kline)
    assert event[:4] == ("BTCUSDT", "1m", 1672515782136, True)
    assert event.kline == Kline(
        open_time=1672515780000,
        close_time=1672515839999,
        open=0.001,
        high=0.0025,
        low=0.0009,
        close=0.002,
        volume=1000.0,
        quote_volume=1.5,
        trades=100,
    )


def test_recorded_frames() -> None:
    if not RECORDED.exists():
        pytest.skip(f"the recorded data is not beside this checkout: {RECORDED}")
    kinds: Counter[str] = Counter()
    with gzip.open(RECORDED) as lines:
        for line in lines:
            frame = line.split(b" ", 1)[1]
            if b'"stream"' not in frame:
                continue
            event = parse_stream_message(frame)
            kinds[type(event).__name__] += 1
            if isinstance(event, BookTickerUpdate):
                assert 0 < event.bid_price < event.ask_price
            elif isinstance(event, TradeUpdate):
                assert event.price > 0
    assert kinds == {"BookTickerUpdate": 28_040, "TradeUpdate": 9_757, "DepthUpdate": 3_451}


EVENTS = [
    ("bookTicker", samples.book_ticker_event, ["s", "u", "b", "B", "a", "A"]),
    ("24hrMiniTicker", samples.mini_ticker_event, ["s", "E", "c", "o", "h", "l", "v", "q"]),
    ("trade", samples.trade_event, ["s", "E", "t", "p", "q", "T", "m"]),
    ("depthUpdate", samples.depth_event, ["s", "E", "U", "u", "b", "a"]),
]
WRONG: list[Any] = [None, [], {}, True, 1.5, "NaN", "-1", "1e5", "", "x", "Infinity"]


def _wrong(field: str, value: Any) -> list[Any]:
    """Return values that are wrong for a field that holds this one."""
    if field == "s":
        return WRONG[:5]
    return [wrong for wrong in WRONG if type(wrong) is not type(value) or isinstance(value, str)]


@pytest.mark.parametrize(("kind", "sample", "fields"), EVENTS)
def test_a_missing_or_wrong_field_is_named(kind: str, sample: Any, fields: list[str]) -> None:
    for field in fields:
        message = sample()
        value = message["data"].pop(field)
        with pytest.raises(MalformedMessage) as missing:
            parsed(message)
        assert (missing.value.subject, missing.value.field) == (kind, field)
        for wrong in _wrong(field, value):
            with pytest.raises(MalformedMessage):
                parsed(sample(**{field: wrong}))


@pytest.mark.parametrize("field", ["t", "T", "i", "o", "c", "h", "l", "v", "n", "x", "q"])
def test_a_missing_or_wrong_field_of_a_bar_is_named(field: str) -> None:
    message = samples.kline_event()
    del message["data"]["k"][field]
    with pytest.raises(MalformedMessage) as missing:
        parsed(message)
    assert missing.value.field == field
    for wrong in WRONG[:3]:
        with pytest.raises(MalformedMessage):
            parsed(samples.kline_event(**{field: wrong}))


def test_an_unhandled_event_type_is_none() -> None:
    assert parsed({"stream": "btcusdt@avgPrice", "data": {"e": "avgPrice", "E": 1, "s": "BTCUSDT"}}) is None


@pytest.mark.parametrize(
    "message",
    [
        {"e": "serverShutdown", "E": 5},
        {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 5}},
    ],
)
def test_shutdown_in_both_forms(message: object) -> None:
    assert parsed(message) == ShutdownNotice(5)


def test_replies() -> None:
    assert parsed({"result": None, "id": 3}) == ControlReply(3, None)
    assert parsed({"result": None, "id": None}) == ControlReply(None, None)
    refused = ControlReply(4, "code 2: Invalid request: unknown")
    assert parsed({"code": 2, "msg": "Invalid request: unknown", "id": 4}) == refused
    assert parsed({"error": {"code": 2, "msg": "Invalid request: unknown"}, "id": 4}) == refused


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"5",
        b"null",
        b"{}",
        b'{"data":5}',
        b'{"data":[]}',
        b'{"data":null}',
        b'{"data":{"e":[]}}',
        b'{"data":{"e":"kline","s":"B","E":1,"k":5}}',
        b'{"id":1.5}',
        b'{"data":{}}',
    ],
)
def test_malformed_frames(frame: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_stream_message(frame)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*"esEkubBaAxiotTcvqnhl", "data", "stream", "id"]), inner, max_size=8)
    ),
    max_leaves=20,
)


@given(json)
def test_no_json_raises_another_error(message: object) -> None:
    for candidate in (message, {"data": message}, {"data": {"e": "kline", "k": message}}):
        with suppress(MalformedMessage):
            parsed(candidate)


@given(st.binary(max_size=200))
def test_no_bytes_raise_another_error(frame: bytes) -> None:
    with suppress(MalformedMessage):
        parse_stream_message(frame)
