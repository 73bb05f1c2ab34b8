"""``cq-tui strategies``: what is installed, its parameters and settings, whatever the code of a plug-in does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.strategy_reader import read_strategies
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.strategies.trend_multi_tf import TrendParameters
from tests.cli.conftest import CommandResult, command
from tests.services.ares.plug_ins import install

Cq = Callable[..., CommandResult]

_WILD = """
import os, sys, time

print("printed at import")
os.write(1, b'{"strategy": {"name": "forged"}}\\n')
if os.environ["WILD"] == "exits":
    os._exit(3)
elif os.environ["WILD"] == "leaves":
    sys.exit(4)
elif os.environ["WILD"] == "hangs":
    time.sleep(600)
raise ValueError("wild \\x1b[31m")
"""


@pytest.fixture
def wild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a plug-in that is imported before another, ``above``, and does this."""
    path = install(tmp_path / "plug", "above", "aaa_wild")
    (tmp_path / "plug" / "wild_plug_in.py").write_text(_WILD)
    monkeypatch.setenv("PYTHONPATH", path)
    return lambda deed: monkeypatch.setenv("WILD", deed)


def test_each_strategy_is_listed_with_what_was_changed(cq: Cq, data: DataDir) -> None:
    told = cq("strategies", code=0).out.splitlines()
    assert [line.split()[0] for line in told] == ["trend_multi_tf", "bb_mean_revert_v2"]
    cq("config", "set", "STRATEGIES.trend_multi_tf.adx_arm=30", "STRATEGIES.bb_mean_revert_v2.enabled=false", code=0)
    one = "STRATEGIES.trend_multi_tf"
    cq("config", "set", f'{one}.symbols=["BTCUSDT"]', f"{one}.interval=1h", code=0)
    told = cq("strategies", code=0).out.splitlines()
    assert told[0].endswith("; BTCUSDT; bars of 1h")
    assert told[1] == "  adx_arm=30"
    assert told[2].split()[:2] == ["bb_mean_revert_v2", "off"]
    assert not (data.root / "logs" / "ares.log").exists(), "nothing was started"


def test_one_is_shown_with_every_parameter_its_limits_and_meaning(cq: Cq) -> None:
    cq("config", "set", "STRATEGIES.trend_multi_tf.adx_arm=30", code=0)
    text = cq("strategies", "trend_multi_tf", code=0).out
    for name, field in TrendParameters.model_fields.items():
        (line,) = (line for line in text.splitlines() if line.split()[0] == name)
        assert field.description, name
        assert line.endswith(field.description)
    assert "adx_arm       30        default 25     number ≥ 0, ≤ 100" in text
    (listed,) = orjson.loads(cq("strategies", "trend_multi_tf", "--json", code=0).out)["strategies"]
    (parameter,) = (each for each in listed["parameters"] if each["name"] == "adx_arm")
    assert (parameter["value"], parameter["default"], parameter["is_set"]) == (30.0, 25.0, True)
    assert parameter["limits"] == "≥ 0, ≤ 100"
    assert "no strategy 'trend' is installed. There are: trend_multi_tf" in cq("strategies", "trend", code=4).err


def test_what_ares_says_and_what_is_wrong_is_shown(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, {"STRATEGIES": {"trend_multi_tf": {"adx_amr": 1}, "bb_mean_revert": {"x": 1}}})
    told = {"state": "running", "signals": 2, "last_signal_ts": 1.0, "p50_us": 5.0}
    health = {"service": "ares", "status": "ok", "last_update_ts": 1.0, "updated_within_sec": 0.0, "signal_count": 2}
    health |= {"last_signal_time": 1.0, "feeder_health_ok": True, "default_signals_blocked": True}
    health |= {"active_strategies": [], "latency_ms_p50": 0.0, "strategies": {"trend_multi_tf": told}}
    write_document(data.health_of("ares"), health)
    text = cq("strategies", code=0).out
    assert "not running  2 signals" in text, "its report is of a process that is gone"
    assert "! STRATEGIES.trend_multi_tf.adx_amr: trend_multi_tf has no such parameter, did you mean adx_arm?" in text
    assert "! STRATEGIES.bb_mean_revert: no strategy of this name is installed, did you mean bb_mean_revert_v2?" in text


def test_a_wrong_value_is_refused_and_a_strategy_that_is_not_installed_is_named(cq: Cq, data: DataDir) -> None:
    told = cq("config", "set", "STRATEGIES.trend_multi_tf.adx_arm=200", "LOG_LEVEL=DEBUG", code=4)
    assert "STRATEGIES.trend_multi_tf.adx_arm is 200: Input should be less than or equal to 100" in told.err
    assert not data.settings.exists()
    for pair in ("adx_amr=30", "enabled=ture", "ema_fast=500", "symbols=BTC USDT", "trail=1.5"):
        cq("config", "set", f"STRATEGIES.trend_multi_tf.{pair}", code=4)
    told = cq("config", "set", "STRATEGIES.trend_multi.adx_arm=30", code=0)
    assert "no strategy of this name is installed, did you mean trend_multi_tf?" in told.err
    # What was wrong before is no reason to refuse another change.
    write_document(data.settings, {"STRATEGIES": {"trend_multi_tf": {"adx_arm": 200}}})
    cq("config", "set", "STRATEGIES.trend_multi_tf.trail=true", code=0)
    cq("config", "set", "STRATEGIES.trend_multi_tf.adx_arm=null", code=0)
    assert orjson.loads(data.settings.read_bytes()) == {"STRATEGIES": {"trend_multi_tf": {"trail": True}}}


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("exits", "its code ended the process (3)"),
        ("leaves", "SystemExit: 4"),
        ("raises", "ValueError: wild"),
    ],
)
def test_a_plug_in_that_fails_is_named_and_what_was_read_before_it_counts(
    cq: Cq, wild: Callable[[str], None], deed: str, words: str
) -> None:
    wild(deed)
    text = cq("strategies", code=0).out
    assert f"! aaa_wild (wild_plug_in:Wild) was not loaded: {words}" in text
    assert "forged" not in text
    assert "\x1b" not in text
    assert [line.split()[0] for line in text.splitlines()][:2] == ["trend_multi_tf", "bb_mean_revert_v2"]
    assert ("above" in text) == (deed != "exits")
    assert "level" in cq("strategies", "above", code=0).out, "one is read without the others"
    cq("config", "set", "STRATEGIES.above.level=-1", code=4)


def test_a_plug_in_that_hangs_is_named(wild: Callable[[str], None]) -> None:
    wild("hangs")
    installed = read_strategies({}, {}, {"trend_multi_tf", "aaa_wild"}, seconds=2)
    assert [each["name"] for each in installed.found] == ["trend_multi_tf"]
    assert [(each.name, each.reason) for each in installed.not_loaded] == [
        ("aaa_wild", "its code was not through after 2 s")
    ]


def test_the_code_of_a_plug_in_sees_no_keys(
    cq: Cq, wild: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os\nraise ValueError('WILD' in os.environ, 'BINANCE_API_SECRET' in os.environ)\n"
    (tmp_path / "plug" / "wild_plug_in.py").write_text(code)
    wild("tells")
    monkeypatch.setenv("BINANCE_API_SECRET", "a" * 64)
    told = cq("strategies")
    assert "ValueError: (True, False)" in told.out + told.err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_checked_plug_in_finds_no_keys(tmp_path: Path) -> None:
    path = install(tmp_path / "plug", "aaa_wild")
    spy = "import os\nprint(sorted(os.environ))\nprint(open('/proc/self/environ').read())\nraise ValueError('seen')\n"
    (tmp_path / "plug" / "wild_plug_in.py").write_text(spy)
    secrets = {"BINANCE_API_KEY": "the-key", "BINANCE_API_SECRET": "the-secret"}
    done = subprocess.run(
        command("strategies", "check", "aaa_wild", "--klines", str(tmp_path)),
        env=os.environ | secrets | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "seen" in done.stderr
    assert "PYTHONPATH" in done.stdout
    assert "the-key" not in done.stdout
    assert "BINANCE" not in done.stdout
