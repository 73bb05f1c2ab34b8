"""The strategy of ten lines in ``examples``: it buys a breakout once, however often it looks at the same bar."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.store.klines import KlineJournalWriter
from tests.services.ares.outside.stage import ares, directory, signals
from tests.services.scripted_market import bar

pytestmark = pytest.mark.stack
SCRIPT = Path(__file__).parents[4] / "examples" / "breakout.sh"


def test_it_is_of_ten_lines() -> None:
    code = [line for line in SCRIPT.read_text().splitlines() if line and not line.startswith("#")]
    assert len(code) <= 10


def bars(data: DataDir, *closes: float) -> list[Kline]:
    """Twenty bars of 95,000, then one for each of these closes."""
    opened = (int(time.time()) - 60) * 1000
    made = [bar(opened + number * 1000, close) for number, close in enumerate([95_000.0] * 20 + [*closes])]
    journal = KlineJournalWriter(data, "BTCUSDT", "1s")
    journal.append(made)
    journal.close()
    return made


@pytest.mark.slow
def test_it_buys_a_breakout_once(tmp_path: Path) -> None:
    data = directory(tmp_path, ARES_FRESHNESS_THRESHOLD=600.0)
    made = bars(data, 95_000.0)
    program = tmp_path / "bin" / "cq-tui"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cq_tui "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(SCRIPT.parents[1])}
    words = ["sh", str(SCRIPT), str(data.root), "1s"]
    script = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    with ares(data), script:
        try:
            assert _waits_for(data, 1, seconds=2.5) == 0, "nothing has broken out yet"
            last = bar(made[-1].open_time + 1000, 95_500.0)
            journal = KlineJournalWriter(data, "BTCUSDT", "1s")
            journal.append([last])
            journal.close()
            assert _waits_for(data, 1) == 1
            # It looks at the same bar again: the bar is the id.
            assert _waits_for(data, 2, seconds=30) == 2
        finally:
            os.killpg(script.pid, signal.SIGKILL)
    (bought,) = signals(data)
    assert (bought["strategy"], bought["signal_id"]) == ("breakout", str(last.close_time))
    assert (bought["stop_loss"], bought["take_profit"]) == (95_500 * 0.99, 95_500 * 1.02)


def _waits_for(data: DataDir, count: int, seconds: float = 20.0) -> int:
    """Wait for so many outcomes; return how many there are."""
    end = time.monotonic() + seconds
    while (there := len(list(data.signals_done.glob("*.json")))) < count and time.monotonic() < end:
        time.sleep(0.02)
    return there
