"""Looking back in the room: choices, a real run, its end by a key, and what ran live beside it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trading_report import TradingReport
from cq_tui.ops.trading_reports.beside import beside_lines
from cq_tui.room.controls import Controls
from cq_tui.room.look_back_choices import LookBackChoices, stored_klines
from cq_tui.room.look_back_runner import LookBackRunner
from cq_tui.room.screens.lookback import LookBackScreen
from tests.cli.test_backtest import dump
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import Stage
from tests.services.waiting import until

SIZE = (80, 24)
DAY_MS = 86_400_000
FROM = 1_700_006_400_000
KLINES: list[dict[str, Any]] = [
    {"symbol": "BTCUSDT", "interval": "1m", "first": FROM, "last": FROM + 9 * DAY_MS},
    {"symbol": "ETHUSDT", "interval": "1m", "first": FROM, "last": FROM + 9 * DAY_MS},
    {"symbol": "BTCUSDT", "interval": "1s", "first": FROM, "last": FROM + DAY_MS},
    {"error": "a file cannot be read"},
]


def report(source: str = "backtest", **totals: object) -> TradingReport:
    plain = {"profit": "12.3", "fees": "4.2", "volume": "800", "trades": 2, "open_trades": 0}
    symbols = ["BTCUSDT", *(["ETHUSDT"] if source == "live" else [])]
    header = {"source": source, "quote": "USDT", "from_ms": FROM, "to_ms": FROM + DAY_MS, "symbols": symbols}
    lines = [{"name": "net", "profit": plain["profit"], "return_share": 0.01}]
    return TradingReport.model_validate(
        {"header": header, "words": ["Trading earned 12.30 USDT."], "totals": plain | totals, "lines": lines}
    )


def trade(key: str, entry: str, exit_price: str, **changes: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT", "strategy": "trend", "signal_key": key, "opened_ms": FROM + 60_000,
        "closed_ms": FROM + 120_000, "quantity": "1", "entry_price": entry, "exit_price": exit_price, "gross": "1",
        "fees": "0.2", "net": "0.8", "exit_reason": "stop", "open": False, **changes,
    }  # fmt: skip


def with_trades(one: TradingReport, *trades: dict[str, object], **changes: object) -> TradingReport:
    return TradingReport.model_validate(one.model_dump() | {"trades": list(trades)} | changes)


def test_choices_become_the_options_of_the_command() -> None:
    choices = LookBackChoices(stored_klines(KLINES), ["trend", "bb"], has_traded=False)
    assert choices.chosen("klines").text == "1m of 2 symbols, 2023-11-15 00:00 to 2023-11-24 00:00 UTC"
    assert choices.words() == ["--interval", "1m"]
    assert [option.text for option in choices.options("period")] == [
        "all that is stored", "the last 1 day", "the last 3 days", "the last 7 days",
    ]  # fmt: skip
    for name in ("strategy", "symbols", "period"):
        choices.step(name, -1)
    assert choices.words() == [
        "--interval", "1m", "--strategy", "bb", "--symbols", "ETHUSDT", "--from", str(FROM + 2 * DAY_MS)
    ]  # fmt: skip
    # Other klines have other symbols and times.
    choices.step("klines", 1)
    assert choices.words() == ["--interval", "1s", "--strategy", "bb"]
    assert LookBackChoices(stored_klines(KLINES), [], has_traded=True).since_traded


def test_what_differs_from_live_is_named() -> None:
    run = with_trades(report(), trade("a", "100", "110"), trade("b", "100", "110"), denials={"cooldown": 2})
    live = with_trades(
        report("live", trades=1, fees="5.2", start_equity=900.0), trade("a", "100.01", "109.978"), trade("c", "1", "1")
    )
    lines = beside_lines(run, live)
    assert "Live had symbols that the look back had not: ETHUSDT." in lines
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if line.startswith(("closed", "commissions"))] == [
        ["closed", "positions", "2", "1", "−1"],
        ["commissions", "4.20", "5.20", "+1.00"],
    ]
    text = "\n".join(lines)
    assert "1 position followed the same signals in both." in text
    assert "On average, live bought 1.0 bp higher and sold 2.0 bp lower." in text
    assert "Only in the look back: 1 position\n  2023-11-15 00:01  BTCUSDT    trend: stop +0.80" in text
    assert "Only live: 1 position" in text
    assert lines[-1].split() == ["cooldown", "2", "0"]


async def test_a_run_over_stored_klines_shows_its_report(
    tmp_path: Path, stage: Stage, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Simpler than columns: the folder that the command takes its klines from.
    klines = dump(tmp_path / "klines", count=900)
    listed = [{"symbol": "BTCUSDT", "interval": "1m", "first": FROM, "last": FROM + DAY_MS}]
    monkeypatch.setattr(Controls, "data_root", klines)
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        assert app.room.look_back is not None
        app.room.look_back.choices = LookBackChoices(stored_klines(listed), ["bb_mean_revert_v2"], has_traded=False)
        await pilot.press("B")
        await wait_for_text(pilot, "choose with the arrows")
        await pilot.press("down", "right")
        await wait_for_text(pilot, "‹ bb_mean_revert_v2 ›")
        await pilot.press("enter")
        await wait_for_text(pilot, "before costs")
        await wait_for_text(pilot, "backtest  2023-03")
        await pilot.press("end")
        await wait_for_text(pilot, "signals that were not followed")
        # Kept while the screen is closed.
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.room)
        await pilot.press("B")
        await wait_for_text(pilot, "backtest  2023-03")


#: Says what a run says of its progress, and waits to be ended.
_PRETENDS = """
import sys, time
print("30 of 60", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("key", ["escape", "x", "q", "the room ends"])
async def test_a_run_ends_with_its_process(
    stage: Stage, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    started: list[asyncio.subprocess.Process] = []

    async def pretend(controls: Controls, *words: str) -> asyncio.subprocess.Process:
        text = _PRETENDS if words[0] == "backtest" else "import sys; sys.exit('cq-tui: the history has no trades yet')"
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-c", text]
        started.append(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe))
        return started[-1]

    monkeypatch.setattr(Controls, "start_reading", pretend)
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        assert app.room.look_back is not None
        app.room.look_back.choices = LookBackChoices(stored_klines(KLINES), ["trend"], has_traded=True)
        await pilot.press("B", "r")
        await wait_for_text(pilot, "playing klines  ▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 50 %")
        if key != "the room ends":
            await pilot.press(key)
            await until(lambda: not psutil.pid_exists(started[-1].pid))
            if key == "q":
                await wait_until(pilot, lambda: app.screen is app.room)
            else:
                await wait_for_text(pilot, "ended before it was over")
                assert isinstance(app.screen, LookBackScreen)
            assert not app.room.look_back.is_running
    await until(lambda: not psutil.pid_exists(started[-1].pid))


async def test_why_it_did_not_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pretend(controls: Controls, *words: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-c", "import sys; sys.exit('2 of 3\\ncq-tui: BTCUSDT: take a longer recording')"]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)

    monkeypatch.setattr(Controls, "start_reading", pretend)
    runner = LookBackRunner(Controls(DataDir(tmp_path)))
    runner.choices = LookBackChoices(stored_klines(KLINES), [], has_traded=False)
    await runner.run(None)
    assert (runner.shown.phase, runner.shown.report) == ("failed", None)
    assert runner.shown.text == "BTCUSDT: take a longer recording"


async def test_live_is_read_for_the_hours_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []

    async def pretend(controls: Controls, *words: str) -> asyncio.subprocess.Process:
        commands.append(words)
        answer = report("live", start_equity=900.0) if words[0] == "report" else report()
        # The first run is refused: klines for the warm-up are missing.
        text = "" if words[0] == "backtest" and "--from" in words else answer.model_dump_json()
        command = [sys.executable, "-c", f"print({text!r}, end='')"]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)

    monkeypatch.setattr(Controls, "start_reading", pretend)
    runner = LookBackRunner(Controls(DataDir(tmp_path)))
    runner.choices = LookBackChoices(stored_klines(KLINES), [], has_traded=True)
    await runner.run("sim:1")
    begin = ("backtest", "--klines", str(tmp_path), "--interval", "1m", "--cash", "900.00")
    assert commands == [
        ("report", "--json", "--account", "sim:1"),
        (*begin, "--from", str(FROM), "--json", "--with-parent"),
        (*begin, "--json", "--with-parent"),
        ("report", "--json", "--since", f"{FROM / 1000:.3f}", "--until", f"{(FROM + DAY_MS) / 1000:.3f}"),
    ]
    assert runner.shown.phase == "done"
    assert runner.shown.live is not None
    assert orjson.loads(runner.shown.live.model_dump_json())["header"]["source"] == "live"


async def test_without_klines_it_says_where_they_come_from(tmp_path: Path, stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        assert app.room.look_back is not None
        app.room.look_back.choices = LookBackChoices([], [], has_traded=False)
        await pilot.press("B")
        await wait_for_text(pilot, "No klines are stored yet")
        assert "‹" not in screen_text(pilot)
        await pilot.press("r", "right", "escape")
        await wait_until(pilot, lambda: app.screen is app.room)
