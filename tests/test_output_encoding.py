"""What commands print where the terminal's encoding lacks signs, as users run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.output_encoding import holds_ascii, is_unicode, wants_ascii
from cq_tui.store.data_directory import prepare_data_directory
from tests.store.reading.written import Lines, write

ASCII_ONLY = {
    "CQ_ASCII": {"CQ_ASCII": "1", "LC_ALL": "C.UTF-8"},
    "no coercion": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
#: Bytes of a folder's name that are no text in any of these encodings.
FOLDER = b"caf\xe9"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    directory = DataDir(tmp_path_factory.mktemp("printed") / os.fsdecode(FOLDER))
    prepare_data_directory(directory)
    write(directory.events, [Lines().make("order_executed", symbol="中文USDT", side="BUY", size=0.5, price=-1.0)])
    directory.settings.write_text('{"LOG_LEVEL": "−1×É中"}')
    return directory


def run(data: DataDir, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command without the caller's settings and locale."""
    dropped = (*SETTING_KEYS, "CQ_DATA_DIR", "LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return subprocess.run(
        [sys.executable, "-m", "cq_tui", "--data-dir", os.fsencode(data.root), *words],
        capture_output=True, env=kept | environment, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "locale"),
    [
        ("status", "CQ_ASCII"),
        ("status", "no coercion"),
        ("events", "no coercion"),
        ("verify", "no coercion"),
        ("--help", "no coercion"),
    ],
)
def test_commands_print_ascii(data: DataDir, command: str, locale: str) -> None:
    environment = ASCII_ONLY[locale]
    normal, shown = run(data, *command.split(), LC_ALL="C.UTF-8"), run(data, *command.split(), **environment)
    printed = (shown.stdout + shown.stderr).replace(FOLDER, b"cafe")
    assert printed.isascii(), printed
    assert not any(escape in printed for escape in (b"\\u", b"\\x", b"Traceback"))
    assert shown.returncode == normal.returncode
    assert len(shown.stdout.splitlines()) == len(normal.stdout.splitlines())


def test_an_encoding_that_has_a_sign_keeps_it(data: DataDir) -> None:
    shown = run(data, "status", PYTHONIOENCODING="iso-8859-1").stdout
    assert "-1×É??".encode("latin-1") in shown
    assert "· s start".encode("latin-1") in shown
    assert "−1×É中".encode() in run(data, "status", LC_ALL="C.UTF-8").stdout
    assert "−1×É中".encode() in run(data, "status").stdout, "Python turns an unset locale into UTF-8"


@pytest.mark.parametrize(
    ("command", "locale"),
    [("status --json", "CQ_ASCII"), ("events --json", "no coercion"), ("config show --json", "CQ_ASCII")],
)
def test_json_is_utf_8_whatever_the_terminal_shows(data: DataDir, command: str, locale: str) -> None:
    environment = ASCII_ONLY[locale]
    normal, shown = run(data, *command.split(), LC_ALL="C.UTF-8"), run(data, *command.split(), **environment)
    assert len(shown.stdout) == len(normal.stdout)
    assert shown.stdout.count("中".encode()) == normal.stdout.count("中".encode())


@pytest.mark.parametrize("environment", [{"LC_ALL": "C.UTF-8"}, ASCII_ONLY["no coercion"]])
def test_a_path_that_is_no_text_is_printed_as_it_is(data: DataDir, environment: dict[str, str]) -> None:
    printed = run(data, "bundle", **environment)
    assert printed.returncode == 0, printed.stderr
    path = Path(os.fsdecode(printed.stdout.rstrip(b"\n")))
    assert path.is_file()
    path.unlink()


@pytest.mark.parametrize(
    ("environment", "is_terminal", "wanted"),
    [
        ({}, True, False),
        ({"CQ_ASCII": "1"}, False, True),
        ({"CQ_ASCII": "0", "TERM": "linux"}, True, False),
        ({"CQ_ASCII": ""}, True, False),
        ({"TERM": "linux"}, True, True),
        ({"TERM": "linux"}, False, False),
        ({"LC_ALL": "en_US.ISO-8859-1", "LANG": "en_US.UTF-8"}, True, True),
        ({"LC_ALL": "en_US.ISO-8859-1"}, False, False),
        ({"LC_ALL": "", "LC_CTYPE": "de_DE.ISO-8859-15@euro", "LANG": "C.UTF-8"}, True, True),
        ({"LC_ALL": "C.UTF-8"}, True, False),
        ({"LANG": "en_US.utf8"}, True, False),
        ({"LANG": "C"}, True, False),
    ],
)
def test_ascii_is_wanted(environment: dict[str, str], is_terminal: bool, wanted: bool) -> None:
    assert wants_ascii(environment, is_terminal=is_terminal) is wanted


def test_encodings() -> None:
    assert all(map(is_unicode, ("utf-8", "UTF8")))
    assert not any(map(is_unicode, ("latin-1", "ascii", None, "no such")))
    assert all(map(holds_ascii, ("utf-8", "koi8-r", "ascii", None)))
    assert not any(map(holds_ascii, ("utf-16", "cp500", "no such")))
