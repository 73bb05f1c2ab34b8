"""Signals from outside as they are read: numbers and times in the ways that programs write them; faults by name."""

from typing import Any

import pytest

from cq_tui.contracts.outside_signals import OutsideSignal, SignalFault, read_signal, read_text, read_time

BUY: dict[str, Any] = {
    "id": "a1", "side": "BUY", "symbol": "BTCUSDT", "strategy": "my_alerts", "stop": 94000, "target": 99000.5,
}  # fmt: skip


def test_a_signal_is_read() -> None:
    signal = read_signal(BUY)
    assert (signal.side, signal.stop, signal.target, signal.size) == ("BUY", 94000.0, 99000.5, None)


def test_what_a_program_of_alerts_can_send() -> None:
    """It fills its placeholders into texts; its times have colons, and its actions are written small."""
    told = {"side": "buy", "stop": "94000", "target": "9.9e4", "price": " 95000.5 ", "issued": "2026-11-30T20:26:32Z"}
    signal = read_signal(BUY | told | {"id": "BTCUSDT-buy-2026-11-30T20:26:32Z"})
    assert (signal.side, signal.stop, signal.target, signal.price) == ("BUY", 94000.0, 99000.0, 95000.5)
    assert (signal.issued, signal.id) == (1796070392.0, "BTCUSDT-buy-2026-11-30T20.26.32Z")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (1796070392, 1796070392.0),
        (1796070392.25, 1796070392.25),
        (1796070392250, 1796070392.25),
        ("1796070392250", 1796070392.25),
        ("2026-11-30T20:26:32+00:00", 1796070392.0),
        ("2026-11-30T21:26:32.5+01:00", 1796070392.5),
    ],
)
def test_times(given: object, seconds: float) -> None:
    assert read_time(given) == seconds


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "id is 'None': use at most 64 of A-Z"),
        ({"id": "a b"}, "id is 'a b': use at most 64"),
        ({"id": "x" * 65}, "use at most 64"),
        ({"id": ""}, "id is ''"),
        ({"side": "LONG"}, "side is 'LONG': write BUY or SELL"),
        ({"side": 1}, "side is '1': write BUY or SELL"),
        ({"symbol": "btcusdt"}, "symbols are written in capitals, such as BTCUSDT"),
        ({"symbol": "BTC/USDT"}, "symbol: 'BTC/USDT' is not a symbol"),
        ({"symbol": 7}, "symbol is '7'"),
        ({"strategy": "My Alerts"}, "strategy is 'My Alerts': use at most 40 of a-z"),
        ({"strategy": "a:b"}, "strategy is 'a:b'"),
        ({"stop": -1}, "stop is '-1'"),
        ({"stop": 0}, "stop is '0'"),
        ({"stop": True}, "stop is 'True': write a plain number such as 95000.5"),
        ({"stop": "95,000.5"}, "stop is '95,000.5': write a plain number"),
        ({"stop": "nan"}, "stop is 'nan': write a plain number"),
        ({"stop": "1e999"}, "stop is '1e999': write a plain number"),
        ({"stop": "{{plot_0}}"}, "stop is '{{plot_0}}': write a plain number"),
        ({"stop": None}, "stop is missing: a BUY needs the prices of its stop and its target"),
        ({"target": [1]}, "target is a list: "),
        ({"id": {"a": 1}}, "id is an object: use at most 64"),
        ({"target": None}, "target is missing"),
        ({"size": 0}, "size is '0'"),
        ({"size": float("inf")}, "size is 'inf'"),
        ({"confidence": 1.5}, "confidence is '1.5'"),
        ({"max_bars": 1.5}, "max_bars is '1.5'"),
        ({"max_bars": -1}, "max_bars is '-1'"),
        ({"part": 0}, "part is '0'"),
        ({"issued": "yesterday"}, "issued is 'yesterday': write Unix seconds, or a time with its zone"),
        ({"issued": "2026-11-30T20:26:32"}, "a time with its zone"),
        ({"issued": True}, "issued is 'True': write Unix seconds"),
        ({"issued": -5}, "issued is '-5.0'"),
        ({"reason": "a\nb"}, "write one line"),
        ({"person": "\x1b[2J"}, "person: write one line"),
        ({"reason": "x" * 201}, "reason is"),
        ({"siez": 0.1}, "'siez' is no field of a signal; did you mean size?"),
        ({"stop_loss": 1}, "'stop_loss' is no field of a signal; did you mean stop?"),
        ({"take_profit": 1}, "did you mean target?"),
        ({"leverage": 20}, "'leverage' is no field of a signal; its fields are id, side, "),
    ],
)
def test_each_fault_is_named_with_field_and_remedy(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SignalFault) as caught:
        read_signal(BUY | changes)
    assert words in str(caught.value)


@pytest.mark.parametrize("field", ["id", "side", "symbol", "strategy"])
def test_what_is_missing_is_named(field: str) -> None:
    with pytest.raises(SignalFault, match=f"^{field} is missing: "):
        read_signal({name: value for name, value in BUY.items() if name != field})


def test_a_sell_needs_no_levels() -> None:
    assert read_signal({"id": "2", "side": "sell", "symbol": "BTCUSDT", "strategy": "s"}).side == "SELL"


def test_the_text_form() -> None:
    fields = read_text(" buy  BTCUSDT stop=94000 target=99000.5 id=a1 strategy=my_alerts\n")
    assert read_signal(fields) == OutsideSignal(
        id="a1", side="BUY", symbol="BTCUSDT", strategy="my_alerts", stop=94000, target=99000.5
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write side and symbol first"),
        ("BUY", "write side and symbol first"),
        ("BUY stop=1 id=3", "write side and symbol first"),
        ("BUY BTCUSDT stop 94000", "'stop' is not of the form name=value"),
        ("BUY BTCUSDT stop=", "'stop=' is not of the form name=value"),
        ("BUY BTCUSDT stop=1 stop=2", "stop is given twice"),
        ("BUY BTCUSDT side=SELL", "side is given twice"),
    ],
)
def test_faults_of_the_text_form(text: str, words: str) -> None:
    with pytest.raises(SignalFault, match=words):
        read_text(text)
