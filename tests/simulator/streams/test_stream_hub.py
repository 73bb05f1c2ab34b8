"""Each stream's payload, rate and format; unknown names; closed connections."""

import pytest

from cq_tui.simulator.api import tickers
from cq_tui.simulator.connections.open_connections import MAX_AGE_MS
from cq_tui.simulator.streams.stream_names import Stream, parse_stream
from tests.simulator.streams.stage import START, Stage

SYMBOLS = {"BTCUSDT"}


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("btcusdt@trade", Stream("BTCUSDT", "trade")),
        ("btcusdt@kline_1M", Stream("BTCUSDT", "kline", "1M")),
        ("btcusdt@kline_1d@+08:00", Stream("BTCUSDT", "kline", "1d", offset=8 * 3_600_000)),
        ("btcusdt@depth", Stream("BTCUSDT", "depth")),
        ("btcusdt@depth@1000ms", Stream("BTCUSDT", "depth")),
        ("btcusdt@depth20@100ms", Stream("BTCUSDT", "partial depth", levels=20, quick=True)),
        ("btcusdt@ticker_4h", Stream("BTCUSDT", "window", "4h")),
        ("!miniTicker@arr", Stream("", "all mini tickers")),
        ("!miniTicker@arr@1000ms", Stream("", "all mini tickers")),
        ("!ticker_1d@arr", Stream("", "all windows", "1d")),
    ],
)
def test_stream_names_are_parsed(name: str, stream: Stream) -> None:
    assert parse_stream(name, SYMBOLS) == stream


UNKNOWN = [
    "0", "", "btcusdt", "BTCUSDT@trade", "nope@trade", "btcusdt@kline_7m", "btcusdt@kline_1m@+15:00",
    "btcusdt@kline_1m@+07:59", "btcusdt@kline_1m@-08:00",
    "btcusdt@depth7", "btcusdt@depth@50ms", "!ticker@arr", "!bookTicker", "btcusdt@ticker_2h",
    "btcusdt@blockTrade", "btcusdt@referencePrice", "btcusdt@dance", "!ticker_1s@arr", "@trade",
]  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_and_silent_names_are_not_parsed(name: str) -> None:
    assert parse_stream(name, SYMBOLS) is None


def test_unknown_and_silent_streams_are_accepted_but_never_send() -> None:
    stage = Stage()
    subscriber, connection = stage.subscriber(*UNKNOWN)
    stage.tick(8)
    assert connection.read_messages() == []
    assert list(subscriber.streams) == UNKNOWN


FIELDS = {
    "aggTrade": "e E s a p q f l T m M",
    "trade": "e E s t p q T m M",
    "kline_1m": "e E s k",
    "kline_1d@+08:00": "e E s k",
    "miniTicker": "e E s c o h l v q",
    "ticker": "e E s p P w x c Q b B a A o h l v q O C F L n",
    "ticker_1h": "e E s p P o h l c w v q O C F L n",
    "bookTicker": "u s b B a A",
    "avgPrice": "e E s i w T",
    "depth5": "lastUpdateId bids asks",
    "depth@100ms": "e E s U u b a",
}

KLINE = "t T s i f L o c h l v n x q V Q B"


@pytest.mark.parametrize("name", FIELDS)
def test_a_payload_has_the_fields_of_its_stream_in_their_order(name: str) -> None:
    stage = Stage()
    _, connection = stage.subscriber(f"btcusdt@{name}")
    stage.tick(8)
    messages = connection.read_messages()
    assert messages
    for message in messages:
        assert list(message) == FIELDS[name].split()
        kline = message.get("k", {})
        assert " ".join(kline) == (KLINE if kline else "")


def test_statistics_come_once_a_second_and_open_klines_every_two() -> None:
    stage = Stage("BTCUSDT", "ETHUSDT")
    names = ("miniTicker", "ticker", "ticker_1h", "avgPrice", "kline_5m", "kline_1s", "depth5", "depth")
    _, connection = stage.subscriber(*(f"btcusdt@{name}" for name in names), "!miniTicker@arr", "!ticker_4h@arr",
                                   combined=True)  # fmt: skip
    stage.tick(40)
    counts: dict[str, int] = {}
    for message in connection.read_messages():
        counts[message["stream"]] = counts.get(message["stream"], 0) + 1
        if message["stream"] == "!ticker_4h@arr":
            assert [entry["s"] for entry in message["data"]] == ["BTCUSDT", "ETHUSDT"]
            assert {entry["e"] for entry in message["data"]} == {"4hTicker"}
    assert counts.pop("btcusdt@kline_5m") == 5
    assert set(counts.values()) == {10}
    assert len(counts) == 9


def test_a_stream_ticker_equals_the_rest_ticker() -> None:
    stage = Stage()
    _, connection = stage.subscriber("btcusdt@ticker", "btcusdt@ticker_1h")
    stage.tick(4)
    day, hour = connection.read_messages()
    served = stage.get(tickers.ticker_24hr)
    assert (day["p"], day["P"], day["w"], day["x"]) == (
        served["priceChange"], served["priceChangePercent"], served["weightedAvgPrice"], served["prevClosePrice"],
    )  # fmt: skip
    assert (day["c"], day["Q"], day["b"], day["A"], day["v"]) == (
        served["lastPrice"], served["lastQty"], served["bidPrice"], served["askQty"], served["volume"],
    )  # fmt: skip
    assert (day["O"], day["C"], day["F"], day["L"], day["n"]) == tuple(
        served[key] for key in ("openTime", "closeTime", "firstId", "lastId", "count")
    )
    window = stage.get(tickers.rolling, windowSize="1h")
    assert (hour["o"], hour["h"], hour["l"], hour["c"], hour["n"], hour["O"]) == tuple(
        window[key] for key in ("openPrice", "highPrice", "lowPrice", "lastPrice", "count", "openTime")
    )


def test_a_kline_of_another_time_zone_opens_on_its_clock() -> None:
    stage = Stage()
    _, connection = stage.subscriber("btcusdt@kline_1d@+08:00")
    stage.tick(8)
    kline = connection.read_messages()[-1]["k"]
    assert (kline["t"] + 8 * 3_600_000) % 86_400_000 == 0
    assert kline["T"] == kline["t"] + 86_400_000 - 1
    assert kline["t"] <= START < kline["T"]


def test_times_are_in_microseconds_on_request() -> None:
    stage = Stage()
    names = ("btcusdt@trade", "btcusdt@kline_1s", "btcusdt@ticker")
    _, plain = stage.subscriber(*names)
    _, fine = stage.subscriber(*names, scale=1_000)
    stage.tick(4)
    for one, other in zip(plain.read_messages(), fine.read_messages(), strict=True):
        assert other["E"] == one["E"] * 1_000
        if "k" in one:
            assert other["k"]["t"] == one["k"]["t"] * 1_000
            assert other["k"]["T"] == one["k"]["T"] * 1_000 + 999
        elif "O" in one:
            assert (other["O"], other["C"]) == (one["O"] * 1_000, one["C"] * 1_000)


def test_combined_subscribers_get_wrapped_payloads() -> None:
    stage = Stage()
    _, raw = stage.subscriber("btcusdt@trade")
    _, combined = stage.subscriber("btcusdt@trade", combined=True)
    stage.tick(3)
    assert combined.read_messages() == [{"stream": "btcusdt@trade", "data": event} for event in raw.read_messages()]


def test_a_shutdown_is_announced_to_all() -> None:
    stage = Stage()
    _, raw = stage.subscriber()
    _, combined = stage.subscriber(combined=True)
    stage.connections.announce_shutdown(START)
    event = {"e": "serverShutdown", "E": START}
    assert raw.read_messages() == [event]
    assert combined.read_messages() == [{"stream": "!serverShutdown", "data": event}]


def test_a_connection_is_closed_after_a_day() -> None:
    stage = Stage()
    _, first = stage.subscriber("btcusdt@trade")
    stage.jump(1_000)
    _, second = stage.subscriber("btcusdt@trade")
    for moment, ended in (
        (MAX_AGE_MS - 1, (None, None)),
        (MAX_AGE_MS, ((1001, "Connected for 24 hours"), None)),
        (MAX_AGE_MS + 1_000, ((1001, "Connected for 24 hours"),) * 2),
    ):
        stage.connections.close_expired(START + moment)
        assert (first.closed_with, second.closed_with) == ended


def test_a_removed_subscriber_gets_nothing_and_its_channels_close() -> None:
    stage = Stage()
    subscriber, connection = stage.subscriber("btcusdt@trade", "btcusdt@depth", "btcusdt@kline_1m")
    stage.tick()
    stage.hub.remove_subscriber(subscriber)
    connection.read_messages()
    stage.tick(8)
    assert connection.read_messages() == []
    assert stage.hub.is_idle
