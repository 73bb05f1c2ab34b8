"""Signals in the lines of the history."""

from decimal import Decimal

import orjson
import pytest
import structlog

from cq_tui.services.trader.signal_lines import read_signal
from cq_tui.trading.core.inputs import SignalRefused
from cq_tui.trading.signals import TradeSignal

LOG = structlog.get_logger()

SIGNAL_LINE = (
    b'{"event_id":"e1","timestamp":12.5,"event_type":"signal_generated","metadata":{"mode":"paper"},"data":'
    b'{"symbol":"BTCUSDT","side":"BUY","entry_price":100,"stop_loss":98,"take_profit":104,"confidence":0.5,'
    b'"strategy":"s","frame":"1m","bar_close_time":1700000099999}}'
)


def test_a_signal_is_read_from_its_line() -> None:
    told = read_signal(SIGNAL_LINE, LOG)
    assert told is not None
    assert (told.timestamp, told.event_id, told.mode) == (12.5, "e1", "paper")
    assert isinstance(told.signal, TradeSignal)
    assert (told.signal.entry_price, told.signal.strategy) == (Decimal(100), "s")


@pytest.mark.parametrize(
    ("old", "new", "side", "problem"),
    [
        (b'"side":"BUY"', b'"side":"buy"', "BUY", "side is 'buy': Input should be 'BUY' or 'SELL'"),
        (b'"side":"BUY"', b'"side":" sell"', "SELL", "side is ' sell': Input should be 'BUY' or 'SELL'"),
        (b'"entry_price":100', b'"entry_price":-1', "BUY", "entry_price is '-1': Input should be greater than 0"),
        (b'"entry_price":100', b'"entry_price":null', "BUY", "entry_price is 'None': Input should be a valid number"),
        (b'"entry_price":100', b'"entry_price":"NaN"', "BUY", "entry_price is 'NaN': Input should be"),
        (b'"frame":"1m"', b'"frame":"soon"', "BUY", "frame is 'soon', expected an interval"),
        (b'"bar_close_time":1700000099999', b'"bar_close_time":null', "BUY", "bar_close_time is missing"),
        (b'"data":', b'"date":', "BUY", "data is 'None'"),
    ],
)
def test_a_signal_that_cannot_be_followed_is_answered_by_name(old: bytes, new: bytes, side: str, problem: str) -> None:
    told = read_signal(SIGNAL_LINE.replace(old, new), LOG)
    assert told is not None
    assert (told.timestamp, told.event_id) == (12.5, "e1")
    refused = told.signal
    assert isinstance(refused, SignalRefused)
    assert (refused.side, refused.code) == (side, "signal_implausible")
    assert problem in refused.reason
    assert read_signal(SIGNAL_LINE.replace(old, new), LOG) == told, "the same key when it is read again"


def test_hostile_text_is_cut_and_made_harmless() -> None:
    line = orjson.loads(SIGNAL_LINE)
    line["data"] |= {"symbol": "A\n\x1b[2J\u202e" + "x" * 9_000, "strategy": ["s"] * 9_000, "side": "B" * 9_000}
    told = read_signal(orjson.dumps(line), LOG)
    assert told is not None
    assert isinstance(told.signal, SignalRefused)
    assert told.signal.symbol == "A[2J" + "x" * 33
    assert len(told.signal.strategy) == 40
    assert len(told.signal.reason) < 500
    assert told.signal.reason.isprintable()


@pytest.mark.parametrize(
    "line",
    [
        b'{"event_type":"order_filled"}',
        b'{"event_type":"other","note":"\\"event_type\\":\\"signal_generated\\""}',
        b'{"event_type":"other","note":{"event_type":"signal_generated"}}',
        SIGNAL_LINE.replace(b'"timestamp":12.5', b'"timestamp":"noon"'),
        SIGNAL_LINE[:-2],
    ],
)
def test_what_is_no_signal_is_none(line: bytes) -> None:
    assert read_signal(line, LOG) is None


def test_a_signal_that_names_no_mode() -> None:
    for metadata in (b"{}", b"null", b'"paper"'):
        told = read_signal(SIGNAL_LINE.replace(b'{"mode":"paper"}', metadata), LOG)
        assert told is not None
        assert told.mode is None
