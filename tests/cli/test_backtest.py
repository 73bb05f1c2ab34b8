"""``backtest`` on the command line: its files, the same to the byte, and a clear word for what cannot be run."""

import csv
from pathlib import Path

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner, Result

from cq_tui.cli import app
from cq_tui.contracts.events import SignalGenerated
from cq_tui.contracts.trading_report import TradingReport

START = 1_679_000_400_000
FILES = ["equity.csv", "report.html", "report.json", "run.json", "signals.ndjson", "trades.csv"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


def dump(folder: Path, symbol: str = "BTCUSDT", count: int = 3_000, skip: int = 0) -> Path:
    """Write a random walk as one of Binance's public dumps."""
    folder.mkdir(exist_ok=True)
    close = np.round(27_000 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.0012, count))), 2)
    opened = np.concatenate([close[:1], close[:-1]])
    rows = []
    for number in range(skip, count):
        high, low = max(opened[number], close[number]) + 1.0, min(opened[number], close[number]) - 1.0
        begin = START + number * 60_000
        prices = f"{opened[number]:.2f},{high:.2f},{low:.2f},{close[number]:.2f}"
        rows.append(f"{begin},{prices},50.0,{begin + 59_999},1350000.0,100,25.0,675000.0,0\n")
    path = folder / f"{symbol}-1m-2023-03.csv"
    path.write_text("".join(rows))
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["backtest", *map(str, words)], catch_exceptions=False)


BB = ("--strategy", "bb_mean_revert_v2", "--set", "bb_mean_revert_v2.adx_limit=60")


def test_the_same_inputs_give_the_same_files_to_the_byte(tmp_path: Path) -> None:
    klines = dump(tmp_path / "klines")
    outs = [tmp_path / "one", tmp_path / "deep" / "two"]
    shown = [run("--klines", klines, *BB, "--out", out) for out in outs]
    assert [one.exit_code for one in shown] == [0, 0], shown[0].output
    assert shown[0].stdout == shown[1].stdout
    written = [{path.name: path.read_bytes() for path in out.iterdir()} for out in outs]
    assert sorted(written[0]) == FILES
    assert written[0] == written[1]
    report = TradingReport.model_validate_json(written[0]["report.json"])
    assert report.totals.trades > 0
    assert report.header.strategies["bb_mean_revert_v2"]["adx_limit"] == 60
    assert len(list(csv.DictReader(written[0]["trades.csv"].decode().splitlines()))) == len(report.trades)
    last = list(csv.DictReader(written[0]["equity.csv"].decode().splitlines()))[-1]
    assert float(last["net"]) == pytest.approx(report.totals.final_equity)
    assert SignalGenerated.model_validate_json(written[0]["signals.ndjson"].splitlines()[0]).symbol == "BTCUSDT"
    assert orjson.loads(written[0]["run.json"])["cash"] == "10000"
    # An earlier run may be replaced, anything else not.
    assert run("--klines", klines, *BB, "--out", outs[0], "--json").exit_code == 0
    (outs[0] / "notes.txt").write_text("mine")
    refused = run("--klines", klines, *BB, "--out", outs[0])
    assert (refused.exit_code, (outs[0] / "notes.txt").read_text()) == (4, "mine")
    assert "notes.txt" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--klines DIR is needed"),
        (["--klines", "nowhere"], "nowhere"),
        (["--klines", "{}", "--symbols", "DOGEUSDT"], "no klines of DOGEUSDT; available: BTCUSDT"),
        (["--klines", "{}", "--strategy", "bb_mean"], "no strategy 'bb_mean'; available: trend_multi_tf"),
        (["--klines", "{}", "--set", "period=3"], "expected NAME.PARAMETER=VALUE"),
        (["--klines", "{}", *BB, "--set", "bb_mean_revert_v2.period=-3"], "period"),
        (["--klines", "{}", *BB, "--set", "trend_multi_tf.period=9"], "add --strategy trend_multi_tf"),
        (["--klines", "{}", *BB, "--from", "yesterday"], "'yesterday' is not a time: use 2023-03-16"),
        (["--klines", "{}", *BB, "--from", "2023-03-20", "--to", "2023-03-19"], "is not before --to"),
        (["--klines", "{}", *BB, "--from", "2023-03-16T21:10"], "klines of 1m are needed to warm up"),
        (["--klines", "{}", *BB, "--from", "2023-04-16"], "no klines are left"),
        (["--klines", "{}", "--strategy", "trend_multi_tf"], "take a longer recording"),
        (["--klines", "{}", *BB, "--cash", "lots"], "--cash lots: expected a number"),
        (["--klines", "{}", *BB, "--fee", "1"], "--fee 1: expected a number from 0 to 0.1"),
        (["--klines", "{}", *BB, "--slippage", "nan"], "--slippage nan"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line_and_nothing_is_written(
    tmp_path: Path, words: list[str], said: str
) -> None:
    klines = dump(tmp_path / "klines", count=400)
    result = run(*[word.replace("{}", str(klines)) for word in words], "--out", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "config") == ["klines"]


def test_the_settings_of_a_data_directory_are_taken_and_trading_is_active(tmp_path: Path) -> None:
    klines = dump(tmp_path / "klines")
    settings = tmp_path / "data" / "ssot" / "env.json"
    settings.parent.mkdir(parents=True)
    off = {"trend_multi_tf": {"enabled": False}, "bb_mean_revert_v2": {"enabled": False, "adx_limit": 60}}
    settings.write_bytes(orjson.dumps({"STRATEGIES": off, "TRADER_ORDER_QUOTE": 500, "TRADING_STATE": "halted"}))
    result = run("--klines", klines, "--strategy", "bb_mean_revert_v2", "--data-dir", tmp_path / "data", "--json")
    report = TradingReport.model_validate_json(result.stdout)
    assert report.header.settings == {"order_quote": "500.0"}
    assert report.header.strategies["bb_mean_revert_v2"]["adx_limit"] == 60
    assert 400 < float(report.trades[0].quantity) * float(report.trades[0].entry_price) < 501
    assert sorted(path.name for path in settings.parent.parent.iterdir()) == ["ssot"]
