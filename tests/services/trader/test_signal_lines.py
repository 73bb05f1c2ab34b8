"""Signals in the lines of the history."""

from decimal import Decimal

import pytest
import structlog

from cq_tui.services.trader.signal_lines import read_signal

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
    assert (told.signal.entry_price, told.signal.strategy) == (Decimal(100), "s")


@pytest.mark.parametrize(
    "line",
    [
        b'{"event_type":"order_filled"}',
        b'{"event_type":"other","note":"\\"event_type\\":\\"signal_generated\\""}',
        b'{"event_type":"other","note":{"event_type":"signal_generated"}}',
        SIGNAL_LINE.replace(b'"bar_close_time":1700000099999', b'"bar_close_time":null'),
        SIGNAL_LINE.replace(b'"data":', b'"date":'),
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
