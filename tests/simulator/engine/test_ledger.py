"""The ledger rebuilds the state, stays bounded, reports bad lines, and survives SIGKILL at any time."""

import errno
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.simulator.engine import ledger as ledger_module
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger import Ledger, LedgerError
from cq_tui.simulator.engine.ledger_codec import decode_event, encode_event
from cq_tui.simulator.engine.ledger_events import EVENT_TYPES
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.reserve import RESERVE_BYTES, Reserve
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import ASSETS, new, sell_oco
from tests.small_disk import small_disk

EXCHANGE = """
import asyncio, json, sys
from pathlib import Path
from cq_tui.simulator.server import SimulatorConfig, run
def tell(endpoint):
    print(json.dumps([endpoint.rest_url, endpoint.api_key, endpoint.api_secret]), flush=True)
config = SimulatorConfig(ledger=Path(sys.argv[1]), symbols=("BTCUSDT", "ETHUSDT"), history_ms=1_200_000)
asyncio.run(run(config, on_ready=tell, stop=asyncio.Event()))
"""


def same(one: ExchangeState, other: ExchangeState) -> bool:
    names = ("balances", "orders", "open_orders", "lists", "trades", "fill_counts", "last_order_ids", "execution_id")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def traded(path: Path, rounds: int = 3) -> tuple[ExchangeState, Ledger]:
    """Record fills, open orders, cancels and an order list in a ledger."""
    market = HandMarket()
    state = ExchangeState(ASSETS)
    ledger = Ledger(path, state)
    engine = Engine(state, market, lambda symbol: 0)
    outcomes = [engine.deposit("USDT", Decimal(10_000), 1), engine.deposit("COIN", Decimal(50), 1)]
    for now in range(2, 2 + rounds):
        outcomes.append(engine.place(new("BUY", "MARKET", "1"), now))
        outcomes.append(engine.place(new("BUY", "LIMIT", "0.5", price="99"), now))
        resting = outcomes[-1].orders[0]
        outcomes.append(engine.cancel(state.orders[resting.symbol, resting.order_id], "x", now))
    outcomes.append(engine.place(new("SELL", "STOP_LOSS", "1", stop_price="95"), 9))
    outcomes.append(sell_oco(engine))
    for outcome in outcomes:
        ledger.record(outcome.ledger_events, 9)
    return state, ledger


def test_a_ledger_rebuilds_the_same_state(tmp_path: Path) -> None:
    state, ledger = traded(tmp_path / "ledger.ndjson")
    ledger.record_market_state({"kind": "walk", "seed": 3})
    ledger.close()
    again = ExchangeState(ASSETS)
    reopened = Ledger(tmp_path / "ledger.ndjson", again)
    assert same(again, state)
    assert reopened.market_states == [{"kind": "walk", "seed": 3}]
    reopened.close()


def test_a_ledger_of_the_first_field_set_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    path.write_bytes((Path(__file__).parent / "data" / "first_field_set.ndjson").read_bytes())
    state = ExchangeState(ASSETS)
    ledger = Ledger(path, state)
    assert {asset: held.free for asset, held in state.balances.items()} == {
        "USDT": Decimal("849.26110000"),
        "COIN": Decimal("1.49750000"),
    }
    assert [order.status for order in state.orders.values()] == ["FILLED", "FILLED", "EXPIRED", "FILLED"]
    assert (state.lists[0].kind, state.lists[0].done) == ("OCO", True)
    assert [trade.counter_order_id for trade in state.trades] == [-1, -1, -1]
    ledger.compact(state)
    ledger.close()
    again = ExchangeState(ASSETS)
    Ledger(path, again).close()
    assert same(again, state)


def test_every_event_of_an_earlier_version_is_read_and_written_unchanged() -> None:
    lines = (Path(__file__).parent / "data" / "every_event.ndjson").read_bytes().splitlines()
    events = [entry for line in lines for entry in orjson.loads(line)["facts"]]
    assert {entry["fact"] for entry in events} == {kind.__name__ for kind in EVENT_TYPES}
    for entry in events:
        assert orjson.dumps(encode_event(decode_event(entry))) == orjson.dumps(entry)


def test_compaction_keeps_the_state_and_shrinks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    state, ledger = traded(path, rounds=60)
    ledger.record_market_state({"kind": "walk", "seed": 3})
    before = path.read_bytes().count(b"\n")
    ledger.compact(state)
    ledger.record(Engine(state, HandMarket(), lambda symbol: 0).deposit("USDT", Decimal(1), 10).ledger_events, 10)
    ledger.close()
    again = ExchangeState(ASSETS)
    reopened = Ledger(path, again)
    assert path.read_bytes().count(b"\n") < before / 10
    assert same(again, state)
    assert reopened.market_states == [{"kind": "walk", "seed": 3}]
    reopened.close()


def test_without_disk_space_for_a_snapshot_the_ledger_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "ledger.ndjson"
    monkeypatch.setattr(ledger_module, "COMPACT_AFTER", 20)
    state, ledger = traded(path, rounds=20)
    wanted = ledger.needs_compaction
    with monkeypatch.context() as patch:
        patch.setattr(ledger_module, "write_document", full)
        ledger.compact(state)
    assert "No space left" in caplog.text
    assert (wanted, ledger.needs_compaction) == (True, False)  # until there are as many lines again
    ledger.record(Engine(state, HandMarket(), lambda symbol: 0).deposit("USDT", Decimal(1), 10).ledger_events, 10)
    ledger.close()
    again = ExchangeState(ASSETS)
    Ledger(path, again).close()
    assert same(again, state)


def test_commands_are_recorded_on_a_full_disk_with_the_reserve(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        data = DataDir(disk.root)
        prepare_data_directory(data)
        Reserve(data).refill()
        disk.fill()
        state, ledger = traded(data.ledger, rounds=40)
        ledger.close()
        again = ExchangeState(ASSETS)
        Ledger(data.ledger, again).close()
        assert same(again, state)
        assert 0 < data.reserve.stat().st_size < RESERVE_BYTES


def test_opening_a_long_ledger_compacts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.ndjson"
    state, ledger = traded(path, rounds=20)
    ledger.close()
    monkeypatch.setattr(ledger_module, "COMPACT_AT_START", 10)
    again = ExchangeState(ASSETS)
    Ledger(path, again).close()
    assert same(again, state)
    assert b'"snapshot"' in path.read_bytes().splitlines()[0]


def test_pruning_old_orders_and_trades_keeps_the_balances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cq_tui.simulator.engine.state.ORDERS_KEPT", 5)
    path = tmp_path / "ledger.ndjson"
    state, ledger = traded(path, rounds=30)
    ledger.compact(state)
    ledger.close()
    again = ExchangeState(ASSETS)
    Ledger(path, again).close()
    assert again.balances == state.balances
    assert again.open_orders == state.open_orders
    assert len(again.orders) == 5 + len(state.open_orders)
    assert again.last_order_ids == state.last_order_ids


def test_a_torn_tail_is_cut_off_and_quarantined(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    state, ledger = traded(path)
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time":10,"facts":[{"fact":"Deposited","asset":"USDT"')
    again = ExchangeState(ASSETS)
    Ledger(path, again).close()
    assert same(again, state)
    assert path.read_bytes() == whole
    assert list(tmp_path.glob("*.torn"))


@pytest.mark.parametrize(
    "line", [b"nonsense", b'{"facts":[{"fact":"Stolen"}]}', b'{"facts":[{"fact":"Deposited"}]}', b"[]"]
)
def test_a_bad_line_is_an_error_with_file_line_and_remedy(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "ledger.ndjson"
    _, ledger = traded(path, rounds=1)
    ledger.close()
    count = path.read_bytes().count(b"\n")
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(LedgerError, match=f"ledger.ndjson, line {count + 1}: .*Move the file away"):
        Ledger(path, ExchangeState(ASSETS))


def start(path: Path) -> tuple[subprocess.Popen[bytes], list[str]]:
    process = subprocess.Popen([sys.executable, "-c", EXCHANGE, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def test_nothing_acknowledged_is_lost_in_a_sigkill(tmp_path: Path) -> None:
    from tests.simulator.test_server import Client

    path = tmp_path / "exchange" / "ledger.ndjson"
    acknowledged: list[str] = []
    prices: dict[int, list[str]] = {}
    for round_number in range(3):
        process, told = start(path)
        try:
            with Client(*told) as client:
                # Klines served before the kill are served again after it.
                served = client.get("klines", symbol="ETHUSDT", interval="1s", limit=600)[:-1]
                for kline in served:
                    assert prices.setdefault(kline[0], kline[1:6]) == kline[1:6]
                for client_id in acknowledged:
                    order = client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId=client_id)
                    assert order["status"] == "FILLED"
                for _ in range(40):
                    client_id = f"r{round_number}n{len(acknowledged)}"
                    client.signed(
                        "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="6",
                        newClientOrderId=client_id,
                    )  # fmt: skip
                    acknowledged.append(client_id)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
    state = ExchangeState({"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")})
    Ledger(path, state).close()
    filled = [order.client_order_id for order in state.orders.values() if order.status == "FILLED"]
    assert sorted(filled) == sorted(acknowledged)
    spent = sum(trade.quote for trade in state.trades)
    assert state.balances["USDT"].free == 10_000 - spent
    assert len({trade.trade_id for trade in state.trades}) == len(state.trades)
