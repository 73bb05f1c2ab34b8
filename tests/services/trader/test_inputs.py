"""Settings, health and market as the core is told of them."""

from decimal import Decimal

import pytest
import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.contracts.mode import EffectiveMode
from cq_tui.contracts.settings import Settings
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.services.trader.health_inputs import read_health
from cq_tui.services.trader.market_inputs import BarReader, QuoteReader
from cq_tui.services.trader.signal_lines import read_signal
from cq_tui.services.trader.trader_settings import trader_settings
from cq_tui.store.document import write_document
from cq_tui.store.klines import KlineJournalWriter
from cq_tui.store.settings_file import LoadedSettings
from cq_tui.trading.core.inputs import BarClosed, Quote
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.guardrails import HealthReport
from tests.services.processes import report
from tests.trading.core.desk import D, market_desk

LOG = structlog.get_logger()


def test_each_setting_reaches_the_core() -> None:
    settings = Settings(
        SYMBOLS=["BTCUSDT", "ETHUSDT"], TRADER_QUOTE="USDT", TRADER_ORDER_QUOTE=12.5, TRADER_MAX_POSITIONS=2,
        TRADER_MAX_EXPOSURE=0.25, ARES_FRESHNESS_THRESHOLD=8.0, TRADER_ORDER_COOLDOWN=3.0, TRADER_QUARANTINE_FAILURES=4,
        TRADER_QUARANTINE_SECONDS=60.0, TRADER_SLIPPAGE_CAP=0.003, TRADER_MAX_PRICE_GAP=0.04, TRADING_STATE="reducing",
        DISABLE_ORDER_GUARDRAILS=True,
    )  # fmt: skip
    loaded = LoadedSettings(settings, problem="env.json is damaged")
    assert trader_settings(loaded, EffectiveMode("paper", (), "no keys"), "paper") == TraderSettings(
        mode="paper", trading_state="reducing", mode_blocked="no keys", settings_problem="env.json is damaged",
        guardrails_disabled=True, quote="USDT", symbols=("BTCUSDT", "ETHUSDT"), order_quote=D("12.5"), max_positions=2,
        max_exposure=D("0.25"), freshness=8.0, cooldown=3.0, quarantine_failures=4, quarantine_seconds=60.0,
        slippage_cap=D("0.003"), max_price_gap=D("0.04"),
    )  # fmt: skip


def test_a_session_of_another_mode_than_the_one_in_force_opens_nothing() -> None:
    found = trader_settings(LoadedSettings(Settings()), EffectiveMode("live", ()), "paper")
    assert (found.mode, found.mode_blocked) == ("paper", "the mode changes to live")


def test_health_that_cannot_be_read_is_missing(data: DataDir) -> None:
    found = read_health(data)
    assert found.ares == HealthReport()
    assert found.memory == HealthReport(intact=False)
    assert found.market is None
    report(data, "ares", status="degraded", reason="late", last_update_ts=5.0)
    report(data, "memory", integrity_ok=False, last_update_ts=6.0)
    report(data, "feeder", last_update_ts=7.0)
    found = read_health(data)
    assert found.ares == HealthReport("degraded", 5.0, True, "late")
    assert (found.memory.intact, found.memory.last_update) == (False, 6.0)
    assert (found.feeder.intact, found.feeder.last_update) == (True, 7.0)
    report(data, "memory", integrity_ok=True)
    assert read_health(data).memory.intact


def _write_tickers(data: DataDir, **prices: float) -> None:
    tickers = {name: Ticker(price, 0.0, price - 1, price + 1, 1.0, 50.0, 2) for name, price in prices.items()}
    write_document(data.tickers, tickers_to_bytes(50.0, tickers), durable=False)


def test_only_quotes_that_changed_are_told_by_the_exchange_s_clock(data: DataDir) -> None:
    reader = QuoteReader(data)
    assert reader.read(0.5) is None
    _write_tickers(data, BTCUSDT=100.0, ETHUSDT=10.0)
    first = reader.read(0.5)
    assert first is not None
    assert first.quotes["BTCUSDT"] == Quote(D(99), D(101), D(100), 50.5)
    assert set(first.quotes) == {"BTCUSDT", "ETHUSDT"}
    assert reader.read(0.5) is None
    _write_tickers(data, BTCUSDT=100.0, ETHUSDT=11.0)
    second = reader.read(-0.5)
    assert second is not None
    assert second.quotes == {"ETHUSDT": Quote(D(10), D(12), D(11), 49.5)}
    data.tickers.write_bytes(b"{")
    assert reader.read(0.0) is None
    _write_tickers(data, BTCUSDT=102.0, ETHUSDT=11.0)
    third = reader.read(0.0)
    assert third is not None
    assert set(third.quotes) == {"BTCUSDT"}


def _kline(open_time: int, high: float, length: int = 60_000) -> Kline:
    return Kline(open_time, open_time + length - 1, 1.0, high, 1.0, 1.0, 1.0, 1.0, 1)


@pytest.mark.parametrize("frame", ["1m", "2m"])
def test_bars_since_the_entry_are_made_of_the_klines_there_are(data: DataDir, frame: str) -> None:
    desk = market_desk().protected(trail=D(300), frame=frame)
    book, opened = desk.core.book, desk.position().opened_ms
    begin = opened - opened % 120_000 + 120_000
    writer = KlineJournalWriter(data, "BTCUSDT", "1m")
    writer.append([_kline(begin - 60_000 * back, 900.0) for back in (3, 2)])
    writer.append([_kline(begin, 110.0), _kline(begin + 60_000, 105.0)])
    reader = BarReader(data, "1m")
    bars = reader.read(book, begin + 120_000)
    if frame == "1m":
        assert [(one.high, one.close_time) for one in bars] == [
            (D(110), begin + 59_999), (D(105), begin + 119_999)
        ]  # fmt: skip
    else:
        assert bars == [BarClosed("BTCUSDT", "2m", D(110), begin + 119_999)]
    assert reader.read(book, begin + 120_000) == []
    writer.append([_kline(begin + 120_000, 101.0), _kline(begin + 180_000, 102.0)])
    assert [one.high for one in reader.read(book, begin + 240_000)] == ([D(101), D(102)] if frame == "1m" else [D(102)])
    assert reader.problems == {}
    writer.close()


def test_a_frame_that_no_klines_make_is_a_problem(data: DataDir) -> None:
    desk = market_desk().protected(trail=D(300))
    reader = BarReader(data, "5m")
    assert reader.read(desk.core.book, 0) == []
    assert reader.problems == {"BTCUSDT": "its stop does not trail: no klines of 1m"}
    del desk.core.book.positions["BTCUSDT"]
    reader.read(desk.core.book, 0)
    assert reader.problems == {}


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
