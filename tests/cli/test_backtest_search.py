"""``backtest search`` and ``compare``: the same table however often it was ended, and clear words."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.cli.test_backtest import BB, dump, run

SEARCH = ("--over", "bb_mean_revert_v2.adx_limit=40:60:10", "--over", "bb_mean_revert_v2.max_bars=4,8")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def klines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dump(tmp_path_factory.mktemp("search") / "klines", count=4_000)


def test_a_search_goes_on_where_it_was_ended_and_gives_the_same_table(tmp_path: Path, klines: Path) -> None:
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    shown = run("search", "--klines", klines, *SEARCH, "--out", whole)
    assert shown.exit_code == 0, shown.output
    lines = (whole / "search.ndjson").read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 6
    # As if it had been killed within a line.
    ended.mkdir()
    (ended / "search.ndjson").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    again = run("search", "--klines", klines, *SEARCH, "--out", ended)
    assert again.stdout == shown.stdout
    assert [path.read_bytes() for path in sorted(ended.iterdir())] == [
        path.read_bytes() for path in sorted(whole.iterdir())
    ]
    document = orjson.loads((whole / "search.json").read_bytes())
    assert document["sets_tried"] == 6
    assert all(len(one["inside"]) == len(one["outside"]) == 1 for one in document["sets"])
    assert "out-of-sample" in shown.stdout
    other = run("search", "--klines", klines, *SEARCH, "--fee", "0", "--out", whole)
    assert other.exit_code == 2
    assert "belongs to a search of other klines, parameters, periods or costs" in other.stderr


def test_killed_with_two_processes_it_goes_on(tmp_path: Path, klines: Path) -> None:
    out, over = tmp_path / "out", "bb_mean_revert_v2.max_bars=3:12:1"
    words = ["search", "--klines", str(klines), "--over", over, "--jobs", "2", "--out", str(out)]
    command = [sys.executable, "-m", "cq_tui", "backtest", *words]
    journal = out / "search.ndjson"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
            os.sched_yield()
        os.killpg(process.pid, signal.SIGKILL)
    kept = journal.read_bytes().count(b"\n")
    assert kept >= 3
    assert run(*words[:-4], "--out", out).exit_code == 0
    alone = run(*words[:5])
    assert run(*words[:5], "--out", out).stdout == alone.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--over", "adx_limit=1:2:1"], "expected NAME.PARAMETER=FROM:TO:STEP"),
        (["--over", "bb_mean_revert_v2.adx_limit=1:2:0"], "expected NAME.PARAMETER=FROM:TO:STEP"),
        (["--over", "bb_mean_revert_v2.adx_limit=2:1:1"], "expected NAME.PARAMETER=FROM:TO:STEP"),
        (["--over", "bb_mean.adx_limit=1:2:1"], "no strategy 'bb_mean'; available: trend_multi_tf"),
        (["--over", "bb_mean_revert_v2.adx_limit=90:120:10"], "adx_limit"),
        (["--over", "bb_mean_revert_v2.adx=1,2"], "adx"),
        ([*SEARCH, "--split", "70"], "expected shares such as 70/30, or walk:30d/7d"),
        ([*SEARCH, "--split", "walk:300d/7d"], "shorter than one window"),
        ([*SEARCH, "--rank", "luck"], "expected one of return, sharpe, profit"),
        ([*SEARCH, "--jobs", "0"], "expected a number from 1 to 64"),
        ([*SEARCH, "--strategy", "trend_multi_tf"], "--over changes bb_mean_revert_v2, which is not run"),
        ([*SEARCH, *SEARCH[:2]], "names a parameter twice"),
    ],
)
def test_what_cannot_be_searched_is_named(klines: Path, words: list[str], said: str) -> None:
    result = run("search", "--klines", klines, *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_reports_are_compared(tmp_path: Path, klines: Path) -> None:
    outs = [tmp_path / name for name in ("one", "two")]
    assert run("--klines", klines, *BB, "--out", outs[0]).exit_code == 0
    assert run("--klines", klines, *BB, "--fee", "0.002", "--out", outs[1]).exit_code == 0
    page = (outs[0] / "report.html").read_text()
    assert "BTCUSDT" in page
    same = run("compare", outs[0], outs[0] / "report.json")
    assert (same.exit_code, "Both are the same" in same.stdout) == (0, True)
    other = run("compare", *outs, "--json")
    assert other.exit_code == 1
    assert {"name": "fee", "first": "0.001", "second": "0.002"} in orjson.loads(other.stdout)["inputs"]
    missing = run("compare", outs[0], tmp_path / "nowhere")
    assert (missing.exit_code, "nowhere" in missing.stderr) == (2, True)
