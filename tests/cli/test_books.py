"""``trades``, ``report`` and ``reconcile`` on histories of one and of several accounts, damaged ones, and 0.1.0's."""

import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from cq_tui.cli import app
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trading_report import TradingReport
from cq_tui.store.lock import ProcessLock
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book_snapshot import book_to_plain
from tests.books.samples import START, Account, D, five_trades
from tests.books.test_layouts import busy
from tests.ops.books.recorded import record

RELEASE = Path(__file__).parents[1] / "releases" / "0.1.0" / "data.tar.gz"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


def run(data: DataDir, *words: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data.root), *words], catch_exceptions=False)


def json_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def test_the_statement_of_one_account(tmp_path: Path) -> None:
    data = record(tmp_path / "data", ("simulated:1", busy().facts))
    told = json_of(run(data, "trades", "--json"))
    assert (told["account"], told["quote"], told["left_out"]) == ("simulated:1", "USDT", [])
    assert len(told["rows"]) == 8
    assert {lot["symbol"]: lot["quantity"] for lot in told["lots"]} == {"BTCUSDT": "0.298", "ETHUSDT": "2"}
    rows = list(csv.DictReader(io.StringIO(run(data, "trades", "--csv").stdout)))
    assert [row["realized"] for row in rows] == [row["realized"] or "" for row in told["rows"]]
    assert [row["note"] for row in rows if row["kind"] == "withdrawal"] == ["'=cmd|a withdrawal"]
    for layout in ("koinly", "cointracking"):
        assert len(run(data, "trades", "--csv", "--layout", layout).stdout.splitlines()) >= 9
    assert "sell        BTCUSDT     1.5 BTC at 110  fee 0.165 USDT" in run(data, "trades").stdout
    until = run(data, "trades", "--until", "2026-11-01T00:00:00.003Z")
    assert len(until.stdout.splitlines()) == 3


def test_the_report_adds_up_and_fits_its_schema(tmp_path: Path) -> None:
    data = record(tmp_path / "data", ("simulated:1", five_trades().facts))
    report = TradingReport.model_validate(json_of(run(data, "report", "--json")))
    assert (report.header.account, report.totals.profit) == ("simulated:1", "19.8")
    assert sum(D(row.profit) for row in report.by_day) == D("19.8")
    shown = run(data, "report", "--day").stdout
    for word in ("Trading earned 19.80 USDT after costs.", "2026-11-02", "trend", "ETHUSDT", "time stop"):
        assert word in shown
    assert run(data, "report", "--day", "--month").exit_code == 2


def test_accounts_are_never_mixed(tmp_path: Path) -> None:
    real = Account().open("5")
    real.buy("BTCUSDT", "0.01", "100", START + 5)
    data = record(tmp_path / "data", ("simulated:1", five_trades().facts), ("live:77", real.facts))
    refused = run(data, "report")
    assert refused.exit_code == 2
    assert "simulated:1 (9 trades), live:77 (1 trades)" in refused.stderr
    assert len(json_of(run(data, "trades", "--json", "--account", "live"))["rows"]) == 2
    unknown = run(data, "trades", "--account", "testnet")
    assert (unknown.exit_code, "no account begins with 'testnet'" in unknown.stderr) == (2, True)


def test_nothing_is_left_out_silently(tmp_path: Path) -> None:
    account = five_trades()
    data = record(tmp_path / "data", ("simulated:1", account.facts))
    lines = data.events.read_bytes().splitlines(keepends=True)
    foreign = lines[3].replace(b'"order1"', b'"nobody"')
    data.events.write_bytes(b"".join([*lines, b'{"event_id":\n', foreign]))
    result = run(data, "trades", "--json")
    assert result.exit_code == 1
    told = orjson.loads(result.stdout)
    assert len(told["rows"]) == 10
    assert any("damaged" in text for text in told["left_out"])
    assert any("run `cq-tui verify`" in text for text in told["left_out"])
    assert "left out" in result.stderr


@pytest.mark.parametrize("words", [("trades", "--json"), ("report", "--json")])
def test_a_torn_end_is_left_out_in_words_unless_memory_is_writing(tmp_path: Path, words: tuple[str, ...]) -> None:
    data = record(tmp_path / "data", ("simulated:1", five_trades().facts))
    data.events.write_bytes(data.events.read_bytes() + b'{"event_id":"evt_17')
    result = run(data, *words)
    assert result.exit_code == 1
    assert "the last 19 bytes: no whole line; run `cq-tui verify`" in result.stderr
    data.run.mkdir(exist_ok=True)
    lock = ProcessLock(data.lock_of("memory"), "memory")
    lock.acquire()
    try:
        assert run(data, *words).exit_code == 0
    finally:
        lock.release()


def test_the_first_version_named_no_account(tmp_path: Path) -> None:
    root = tmp_path / "data"
    with tarfile.open(RELEASE) as tar:
        tar.extractall(root, filter="data")
    told = json_of(run(DataDir(root), "trades", "--json"))
    assert told["account"] == "first-version"
    assert [row["kind"] for row in told["rows"]] == ["buy", "sell", "buy", "buy"]
    assert told["rows"][1]["realized"] == "0.09569254921"
    assert told["rows"][1]["exit_reason"] == "target"


@pytest.mark.parametrize("words", [("trades",), ("report",), ("reconcile", "nothing.csv")])
def test_a_directory_without_trades_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    data = record(tmp_path / "data", ("simulated:1", []))
    result = run(data, *words)
    assert result.exit_code in (2, 4)
    assert result.stderr.strip()
    missing = run(DataDir(tmp_path / "none"), *words)
    assert missing.exit_code == 4


def my_trades(account: Account) -> list[dict[str, Any]]:
    fills = [fact for fact in account.facts if isinstance(fact, f.OrderFilled)]
    return [
        {
            "symbol": order.symbol, "id": one.fill.trade_id, "orderId": one.order_id, "price": str(one.fill.price),
            "qty": str(one.fill.quantity), "commission": str(one.fill.commission),
            "commissionAsset": one.fill.commission_asset, "time": one.fill.time, "isBuyer": order.side == "BUY",
        }
        for one in fills
        for order in [account.book.orders[one.client_order_id]]
    ]  # fmt: skip


def test_the_exchange_s_own_list_is_compared_trade_by_trade(tmp_path: Path) -> None:
    account = five_trades()
    data = record(tmp_path / "data", ("simulated:1", account.facts))
    listed, file = my_trades(account), tmp_path / "myTrades.json"
    file.write_bytes(orjson.dumps(listed))
    same = run(data, "reconcile", str(file))
    assert (same.exit_code, "no difference" in same.stdout) == (0, True), same.output
    listed[0]["qty"] = "1.5"
    del listed[4]
    listed[5]["id"] = 4711
    listed[5]["time"] += 60_000
    file.write_bytes(orjson.dumps(listed))
    differing = run(data, "reconcile", str(file), "--json")
    assert differing.exit_code == 1
    told = orjson.loads(differing.stdout)
    assert sorted((one["kind"], one["trade_id"]) for one in told["differences"]) == [
        ("differs", "2"), ("missing here", "4711"), ("missing there", "10"), ("missing there", "14"),
    ]  # fmt: skip
    shown = run(data, "reconcile", str(file)).stdout
    assert "quantity 1 / 1.5" in shown
    assert "the two lists differ" in shown
    file.write_text("nothing")
    assert run(data, "reconcile", str(file)).exit_code == 4


def test_trades_of_the_first_version_stand_beside_those_of_an_account(tmp_path: Path) -> None:
    data = record(tmp_path / "data", ("simulated:1", five_trades().facts))
    with tarfile.open(RELEASE) as tar:
        content = tar.extractfile("memory/event_chain.ndjson")
        assert content is not None
        data.events.write_bytes(content.read() + data.events.read_bytes())
    shown = run(data, "report", "--json")
    assert orjson.loads(shown.stdout)["header"]["account"] == "simulated:1"
    assert "4 trades of version 0.1.0 are apart: --account first-version" in shown.stderr
    first = run(data, "trades", "--json", "--account", "first")
    assert len(orjson.loads(first.stdout)["rows"]) == 4


def test_a_book_of_the_first_version_that_an_account_took_over_begins_with_what_it_held(tmp_path: Path) -> None:
    earlier = Account().open("1000")
    key = earlier.buy("BTCUSDT", "2", "100", START)
    taken_over = book_to_plain(earlier.book)
    later = Account(book=earlier.book)
    later.sell(key, "0.5", "140", START + 60_000, ends=False)
    data = record(tmp_path / "data", ("simulated:1", later.facts), taken_over=taken_over)
    told = json_of(run(data, "trades", "--json"))
    assert [row["kind"] for row in told["rows"]] == ["taken over", "taken over", "sell"]
    sale = told["rows"][-1]
    assert (sale["cost_basis"], sale["gain_fifo"], sale["realized"]) == ("50", "20", "20")
    assert [lot["source"] for lot in sale["lots"]] == ["taken over"]
    assert told["lots"] == [
        {"symbol": "BTCUSDT", "acquired_ms": START, "source": "taken over", "quantity": "1.5", "cost": "150"}
    ]
