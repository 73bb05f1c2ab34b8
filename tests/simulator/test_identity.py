"""An account keeps uid and key over restarts, and its ids never return: after SIGKILL, with other prices, compacted."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.engine import ledger as ledger_module
from cq_tui.simulator.engine.identity import RESERVED_TRADES, Identity
from cq_tui.simulator.engine.ledger import Ledger, LedgerError
from cq_tui.simulator.engine.orders import NewOrder
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.server import SimulatorConfig, open_exchange
from cq_tui.store.journal import JournalError
from tests.simulator.conftest import SHORT_HISTORY
from tests.simulator.market.test_live_prices import Elsewhere
from tests.simulator.market.test_replay import kline_rows, write
from tests.simulator.test_server import Client

NOW = 1_790_000_000_000
HOUR = 3_600_000
KEYS = ApiKeys("first-key", "first-secret")
RELEASED = Path(__file__).parent / "engine/data/first_field_set.ndjson"
PROCESS = """
import asyncio, json, sys
from pathlib import Path
from cq_tui.simulator.engine import ledger
from cq_tui.simulator.server import SimulatorConfig, run
ledger.COMPACT_AFTER, ledger.COMPACT_AT_START = 40, 30
def tell(endpoint):
    print(json.dumps([endpoint.rest_url, endpoint.api_key, endpoint.api_secret]), flush=True)
path, seed, replay = sys.argv[1:]
config = SimulatorConfig(
    ledger=Path(path), symbols=("BTCUSDT", "ETHUSDT"), seed=int(seed), replay=Path(replay) if replay else None,
    history_ms=300_000,
)
asyncio.run(run(config, on_ready=tell, stop=asyncio.Event()))
"""


def config(path: Path | None, **changes: Any) -> SimulatorConfig:
    return replace(SimulatorConfig(ledger=path, symbols=("BTCUSDT",), history_ms=SHORT_HISTORY), **changes)


def opened(path: Path | None, now: int = NOW, keys: ApiKeys = KEYS, **changes: Any) -> Exchange:
    """Open the exchange, and close its ledger again: what it served was read, not written."""
    exchange = open_exchange(config(path, **changes), keys, lambda: now)
    if exchange.ledger is not None:
        exchange.ledger.close()
    return exchange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exchange" / "ledger.ndjson"


# In real processes


@contextlib.contextmanager
def killed(path: Path, seed: int, replay: Path | None) -> Iterator[tuple[Client, list[str], int]]:
    """A client, the exchange's key and secret, and its pid; it ends by SIGKILL."""
    command = [sys.executable, "-c", PROCESS, str(path), str(seed), str(replay or "")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told: list[str] = json.loads(process.stdout.readline())
        with Client(*told) as client:
            yield client, told[1:], process.pid
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


Ids = dict[str, list[int]]


def buy(client: Client, ids: Ids) -> Any:
    """Buy, which changes the book, and note the ids that were answered."""
    bought = client.signed("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="12")
    ids["order"].append(bought["orderId"])
    ids["trade"] += [fill["tradeId"] for fill in bought["fills"]]
    ids["book"].append(client.get("depth", symbol="BTCUSDT", limit=5)["lastUpdateId"])
    return bought


def trade_and_list(client: Client, ids: Ids) -> None:
    """Trade, place a list and cancel it; note each kind of id in the order in which it was seen."""
    for _ in range(12):
        bought = buy(client, ids)
    price = float(bought["fills"][0]["price"])
    placed = client.signed(
        "POST", "orderList/oco", symbol="BTCUSDT", side="SELL", quantity=bought["executedQty"],
        aboveType="LIMIT_MAKER", abovePrice=f"{price * 1.5:.0f}", belowType="STOP_LOSS",
        belowStopPrice=f"{price / 2:.0f}",
    )  # fmt: skip
    ids["list"].append(placed["orderListId"])
    ids["order"] += sorted(order["orderId"] for order in placed["orders"])
    client.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    ids["public"] += [client.get("trades", symbol="BTCUSDT", limit=1)[-1]["id"]]
    ids["book"].append(client.get("depth", symbol="BTCUSDT", limit=5)["lastUpdateId"])


def trade_until_killed(client: Client, ids: Ids, pid: int, seconds: float) -> None:
    """Trade until the exchange dies in the middle of a request."""
    threading.Timer(seconds, os.kill, (pid, signal.SIGKILL)).start()
    with contextlib.suppress(httpx.TransportError):
        while buy(client, ids):
            pass


def test_key_uid_and_ids_survive_kills_other_prices_and_compactions(path: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "BTCUSDT-1m-2024.csv", kline_rows(4_000, price=60_000.0))
    seen: Ids = {name: [] for name in ("order", "list", "trade", "public", "book")}
    accounts = set()
    for number, (seed, replay) in enumerate([(1, None), (1, None), (2, recording), (3, None)]):
        with killed(path, seed, replay) as (client, key, pid):
            accounts.add((client.signed("GET", "account")["uid"], *key))
            trade_and_list(client, seen)
            trade_until_killed(client, seen, pid, seconds=0.05 + 0.07 * number)
    assert len(accounts) == 1
    for name, ids in seen.items():
        assert ids == sorted(set(ids)), f"{name} ids went back or repeated"
    assert b'"snapshot"' in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


# One at a time


def test_without_a_ledger_every_start_is_another_account() -> None:
    assert opened(None).identity.uid != opened(None).identity.uid
    assert opened(None, uid=12).identity.uid == 12


def test_a_ledger_without_identity_takes_the_key_it_had_and_a_uid(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(RELEASED.read_bytes())
    path.chmod(0o644)
    first = opened(path)
    assert (first.api_keys.api_key, first.api_keys.api_secret) == ("first-key", "first-secret")
    assert path.read_bytes().startswith(RELEASED.read_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    again = opened(path, keys=ApiKeys("other", "other"), uid=5)
    assert again.api_keys == first.api_keys
    assert again.identity.uid == first.identity.uid
    assert again.identity.first_update_id > first.identity.first_update_id > 2**32


def test_a_new_ledger_is_another_account(path: Path) -> None:
    first = opened(path)
    path.unlink()
    assert opened(path).identity.uid != first.identity.uid


def test_an_earlier_version_reads_the_identity_as_a_command_without_events(path: Path) -> None:
    opened(path)
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [entry["facts"] for entry in entries if "account" in entry] == [[]]


def test_a_compacted_ledger_keeps_the_identity(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(path)
    monkeypatch.setattr(ledger_module, "COMPACT_AT_START", 0)
    assert opened(path).identity.uid == first.identity.uid
    again = opened(path)
    assert (again.identity.uid, again.identity.starts) == (first.identity.uid, 3)
    assert again.api_keys == first.api_keys


def test_a_torn_identity_is_that_of_the_start_before(path: Path) -> None:
    first, second = opened(path), opened(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    third = opened(path)
    assert (third.identity.uid, third.api_keys) == (first.identity.uid, first.api_keys)
    assert third.identity.starts == second.identity.starts, "nobody was served by the torn start"
    torn = next(path.parent.glob("*.torn"))
    assert torn.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("account", [{"uid": 1, "api_key": "k", "api_secret": 1234567}, {"uid": "one"}, [], "s3cret"])
def test_an_invalid_identity_is_an_error_that_does_not_show_it(path: Path, account: object) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"facts": [], "account": account}) + "\n")
    with pytest.raises(LedgerError, match=r"line 1: .*not the identity of an account.*Move the file away") as caught:
        Ledger(path, ExchangeState({}))
    assert "1234567" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_known_account_opens_on_a_disk_without_room(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise JournalError("no space left")

    first = opened(path)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_identity", full)
        assert opened(path).identity.uid == first.identity.uid
        assert "could not record the start" in caplog.text
        path.unlink()
        with pytest.raises(JournalError):
            opened(path)


# Ids of trades


def bought(exchange: Exchange, symbol: str = "BTCUSDT") -> int:
    """Buy, and return the id of the trade."""
    now, quantity = exchange.clock(), exchange.engine.rules(symbol).step_size * 100
    new = NewOrder(symbol, "BUY", "MARKET", f"b{exchange.state.execution_id}", quantity=quantity)
    trade = exchange.commit(exchange.engine.place(new, now), now).reports[-1].trade
    assert trade is not None
    return trade.trade_id


def run_for(path: Path, now: int, milliseconds: int, **changes: Any) -> tuple[int, int]:
    """Run, trade and end; return the last public trade's id before the account's trade, and that trade's id."""
    exchange = open_exchange(config(path, **changes), KEYS, lambda: now)
    exchange.on_tick((now + milliseconds) // TICK_MS)
    public = exchange.market.last_trade_id("BTCUSDT")
    own = bought(exchange)
    assert own == public + 1
    assert exchange.ledger is not None
    exchange.ledger.close()
    return public, own


@pytest.mark.parametrize("back", [100_000, 260_000, 2 * HOUR, 100 * HOUR])
def test_a_clock_set_back_does_not_repeat_trade_ids(path: Path, back: int) -> None:
    _, first = run_for(path, NOW, 200_000)
    public, second = run_for(path, NOW + 200_000 - back, 1_000)
    assert first < public < second


def test_other_prices_begin_after_every_trade_that_was_shown(path: Path, tmp_path: Path) -> None:
    recording = write(tmp_path / "BTCUSDT-1m-2024.csv", kline_rows(1_000))
    live = Elsewhere()
    sources: list[dict[str, Any]] = [{}, {"replay": recording}, {"live": live}, {"replay": recording}, {"seed": 3}]
    last, now = 0, NOW
    for changes in sources:
        exchange = open_exchange(config(path, **changes), KEYS, lambda now=now: now)  # type: ignore[misc]
        exchange.on_tick((now + 100_000) // TICK_MS)
        first = exchange.market.tape.oldest_id(0)
        assert first > last, changes
        last = exchange.market.last_trade_id("BTCUSDT")
        assert exchange.ledger is not None
        exchange.ledger.close()
        now += HOUR


def test_trade_ids_are_reserved_ahead_of_the_market(path: Path) -> None:
    exchange = opened(path)
    assert exchange.identity.trades == exchange.market.last_trade_id("BTCUSDT") + RESERVED_TRADES
    assert Identity(1, "", "", trades=50_000).reserving(10).trades == 50_000
