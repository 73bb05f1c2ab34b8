"""``cq-tui --plain``: the daily tasks as sentences, for screen readers and pipes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.room.controls import OPENED_TO_VIEW
from cq_tui.room.plain import PlainRoom
from tests.room.stage import NOW, Stage


def said(stage: Stage, *lines: str) -> list[str]:
    found: list[str] = []
    PlainRoom(stage.data, found.append, lambda: NOW).run(lines)
    return found


def test_the_state_is_said_first(stage: Stage) -> None:
    text = "\n".join(said(stage))
    assert "Mode simulation, guardrails on" in text
    assert "equity 10,042.18 USDT" in text
    assert "DOGEUSDT quarantined" in text
    assert "14:22 bought 0.00148 BTCUSDT" in text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("positions", "BTCUSDT: 0.00148 at 67,412.10, profit +0.42, stop 66,980.00, target 68,055.00"),
        ("signals", "BUY BTCUSDT, trend_multi_tf: filled 67,412.10"),
        ("why", "last hour 3: 1 traded"),
        ("orders", "SOLUSDT entry BUY 0.67"),
        ("prices", "ETHUSDT: 3,501.22, 24 h −0.41 %"),
        ("paused", "DOGEUSDT: 3 failures in a row"),
        ("memory", "complete"),
        ("help", "positions: what is held"),
        ("dance", "dance is not known. Type help"),
        ('close "BTC', "That line cannot be read"),
    ],
)
def test_each_task_is_one_word(stage: Stage, asked: str, words: str) -> None:
    assert words in "\n".join(said(stage, asked))


def test_nothing_but_text_is_printed(stage: Stage) -> None:
    text = "\n".join(said(stage, "help", "services", "prices", "positions", "signals", "orders", "paused", "memory"))
    assert "\x1b" not in text
    assert not set(text) & set("│─╭╮╰╯┄━▁▂▃▄▅▆▇█")


def test_quit_ends_it(stage: Stage) -> None:
    assert not any("SOLUSDT entry" in line for line in said(stage, "quit", "orders"))


def test_it_answers_through_a_pipe_and_runs_commands(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "signal.py").write_text("raise SystemExit('a module of the working directory was imported')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cq_tui", "--plain", "--data-dir", str(stage.data.root)],
        input="positions\nconfig get LOG_LEVEL\nclose NOPE NOPE\n", capture_output=True, text=True, check=False,
        env={**os.environ, "CQ_CONFIG_DIR": str(tmp_path / "config")}, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "BTCUSDT: 0.00148" in done.stdout
    assert "INFO" in done.stdout
    assert "config: done." in done.stdout
    assert "close: ended with 2." in done.stdout


def test_an_empty_directory_says_what_to_do(tmp_path: Path) -> None:
    found = said(Stage(tmp_path / "data"))
    assert any("type up to start the services" in line for line in found)


def test_with_view_only_what_reads_is_run(stage: Stage) -> None:
    found: list[str] = []
    PlainRoom(stage.data, found.append, lambda: NOW, OPENED_TO_VIEW).run(["close BTCUSDT", "halt"])
    assert sum("View only" in line for line in found) == 2
    assert not stage.data.stop_of("halted").exists()
