"""Shell completion: the scripts for bash, zsh and fish, and what they offer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document

BIN = Path(sys.executable).parent
#: Completes the command line in COMP_WORDS as pressing tab does.
BASH = """
eval "$(cq-tui --show-completion)"
complete -p cq-tui >&2
for line in "$@"; do
    COMP_WORDS=($line) COMPREPLY=()
    [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _cq_tui_completion cq-tui
    echo "${COMPREPLY[*]}"
done
"""


def environment(data: DataDir, **variables: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in (*SETTING_KEYS, "CQ_DATA_DIR")}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}", "CQ_DATA_DIR": str(data.root)} | variables


def ask(data: DataDir, shell: str, line: str, **variables: str) -> str:
    """Ask for completions as the scripts of zsh and fish do."""
    asked = environment(data, _CQ_TUI_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_ARGS=line, **variables)
    return subprocess.run([BIN / "cq-tui"], env=asked, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_their_arguments(data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, {"SYMBOLS": ["DOGEUSDT", "BTCUSDT"], "STRATEGIES": {"mine": {"level": 2}}})
    write_document(
        data.account,
        {
            "positions": {"ETHUSDT": {}, "$(reboot)": {}},
            "quarantine": {"SOLUSDT": {}},
            "quarantined_strategies": {"my_own": {}},
        },
    )
    write_document(data.health_of("ares"), {"active_strategies": ["trend_multi_tf", "$(reboot)", 7]})
    expected = {
        "cq-tui st": "status strategies",
        "cq-tui service ": " ".join(SERVICES),
        "cq-tui config get TRADER_MAX_PO": "TRADER_MAX_POSITIONS",
        "cq-tui config get STRATEGIES.trend_multi_tf.adx_a": "STRATEGIES.trend_multi_tf.adx_arm",
        "cq-tui config set STRATEGIES.mine.": " ".join(
            f"STRATEGIES.mine.{one}=" for one in ("enabled", "symbols", "interval", "level")
        ),
        "cq-tui config set TRADER_MAX_PO": "TRADER_MAX_POSITIONS=",
        "cq-tui events --type order_e": "order_executed",
        "cq-tui events --symbol D": "DOGEUSDT",
        "cq-tui flatten ": "ETHUSDT",
        "cq-tui release ": "SOLUSDT my_own",
        "cq-tui accept ": "ETHUSDT account owner drawdown",
        "cq-tui adopt D": "DOGEUSDT",
        "cq-tui adopt DOGEUSDT --strategy ": "trend_multi_tf",
        "cq-tui acknowledge ": "all",
        f"cq-tui --data-dir {data.root / 'other'} events --symbol SOL": "SOLUSDT",
        f"cq-tui flatten --data-dir {data.root / 'other'} ": "",
        # Readline completes files where we offer nothing.
        "cq-tui check-proof /": "",
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", *expected],
        env=environment(data), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stderr == "complete -o default -F _cq_tui_completion cq-tui\n"
    assert dict(zip(expected, done.stdout.splitlines(), strict=True)) == expected


def test_zsh_and_fish_complete_through_their_protocol(data: DataDir) -> None:
    assert ask(data, "zsh", "cq-tui service m") == "_arguments '*: :((\"memory\"))'\n"
    assert ask(data, "fish", "cq-tui service m", _TYPER_COMPLETE_FISH_ACTION="get-args") == "memory\n"


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "#compdef"), ("fish", "complete")])
def test_installing_writes_the_script_of_the_shell(data: DataDir, tmp_path: Path, shell: str, word: str) -> None:
    chosen = environment(data, HOME=str(tmp_path), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    words = [str(BIN / "cq-tui"), "--install-completion", shell]
    told = subprocess.run(words, env=chosen, capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"{shell} completion installed in {tmp_path}")
    (script,) = [path for path in tmp_path.rglob("*cq-tui*") if path.is_file()]
    assert word in script.read_text()
    shown = subprocess.run([BIN / "cq-tui", "--show-completion", shell], env=chosen, capture_output=True, text=True)
    assert shown.stdout.strip() == script.read_text().strip()


def test_damaged_files_do_not_break_completion(data: DataDir) -> None:
    prepare_data_directory(data)
    for path in (data.settings, data.account, data.state_of("memory"), data.health_of("ares")):
        path.write_text("{")
    for line, offered in {
        "flatten ": "",
        "release ": "",
        "accept o": "owner",
        "adopt BTCUSDT --strategy ": "",
        "events --symbol BTC": "BTCUSDT",
    }.items():
        asked = environment(
            data, _CQ_TUI_COMPLETE="complete_fish", _TYPER_COMPLETE_ARGS=f"cq-tui {line}",
            _TYPER_COMPLETE_FISH_ACTION="get-args",
        )  # fmt: skip
        done = subprocess.run([BIN / "cq-tui"], env=asked, capture_output=True, text=True, check=True)
        assert (done.stdout.strip(), done.stderr) == (offered, ""), line


def test_completion_does_not_import_the_room(data: DataDir) -> None:
    code = (
        "import sys\nfrom cq_tui.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n"
        "    print(*[name for name in ('cq_tui.room', 'cq_tui.store', 'textual', 'asyncio') if name in sys.modules])"
    )
    asked = environment(data, _CQ_TUI_COMPLETE="complete_bash", COMP_WORDS="cq-tui service m", COMP_CWORD="2")
    done = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True)
    assert done.stdout == "memory\n\n"
