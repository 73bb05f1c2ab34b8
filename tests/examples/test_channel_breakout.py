"""The example of a strategy: installed as a package, checked on klines, run by ARES."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.ares.test_service import Bars, directory, healthy_feeder, ready, signals
from tests.services.processes import running
from tests.services.scripted_market import bar
from tests.services.waiting import until
from tests.strategies.walks import walk

EXAMPLE = Path(__file__).parents[2] / "examples" / "channel_breakout"
MINUTE = 60_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a copy of the example into a folder of its own."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source")
    target = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(target), str(folder / "source")], check=True, timeout=120)
    return target


def write_klines(path: Path, count: int) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        for kline in walk(5, count, base=MINUTE):
            prices = (kline.open, kline.high, kline.low, kline.close, kline.volume)
            rows.writerow([kline.open_time, *prices, kline.close_time, kline.quote_volume, kline.trades, 0, 0, 0])
    return path


def checked(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``strategies check``."""
    return subprocess.run(
        [sys.executable, "-m", "cq_tui", "strategies", "check", *arguments],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_passes_the_checks(installed: Path, tmp_path: Path) -> None:
    file = write_klines(tmp_path / "BTCUSDT-1m-2024-08.csv", 1_600)
    done = checked(installed, "channel_breakout", "--klines", str(file), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["symbol"], report["interval"], report["klines"]) == ("BTCUSDT", "1m", 1_600)
    assert {result["check"] for result in report["checks"] if result["passed"] is not True} == set()


def test_a_parameter_can_be_set_for_the_checks(installed: Path, tmp_path: Path) -> None:
    file = write_klines(tmp_path / "BTCUSDT-1m-2024-08.csv", 300)
    done = checked(installed, "channel_breakout", "--klines", str(file), "--set", "entry_bars=1")
    assert done.returncode == 2
    assert "parameters of channel_breakout: entry_bars: Input should be greater than or equal to 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nothing", "--klines", "{file}"), 2, "no strategy 'nothing'; available: "),
        (("channel_breakout", "--klines", "{file}x"), 2, "no such file or folder"),
        (("channel_breakout", "--klines", "{file}", "--symbol", "ETHUSDT"), 2, "no klines of ETHUSDT; available: BTC"),
        (("channel_breakout", "--klines", "{file}", "--set", "entry_bars"), 2, "expected PARAMETER=VALUE"),
    ],
)
def test_what_cannot_be_checked_is_said(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    file = write_klines(tmp_path / "BTCUSDT-1m-2024-08.csv", 60)
    done = checked(installed, *(argument.replace("{file}", str(file)) for argument in arguments))
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.stack
async def test_it_runs_in_ares(installed: Path, tmp_path: Path) -> None:
    data = directory(tmp_path, STRATEGIES={"channel_breakout": {"entry_bars": 5, "exit_bars": 3, "ema_period": 2}})
    bars = Bars(data)
    end = bars.bars[0].open_time
    bars.replace([bar(end - (120 - number) * 1_000, 100.0 + number * 0.01) for number in range(120)])
    async with healthy_feeder(data), running("ares", data, PYTHONPATH=str(installed)) as ares:
        await ready(ares)
        await until(lambda: "channel_breakout" in ares.health["active_strategies"])
        closed = bars.add(101.2, 120.0)
        await until(lambda: ("channel_breakout", closed[-1].close_time) in signals(data))
