"""Whatever stands in a file's place gets a verdict: never a traceback, never a hang, never unbounded memory."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.rules.table import RULES
from cq_tui.ops.validate import reading
from cq_tui.ops.validate.kinds import all_kinds
from cq_tui.ops.validate.report import SHOWN_IN_FILE
from cq_tui.schemas import load_schema
from tests.ops.validate.folders import example, rules_of, sound_directory, validated, write

#: Resident memory of a process that validates anything (bytes); the interpreter and the schemas take half of it.
MOST_MEMORY = 100_000_000

#: There is a test for each kind: together they try as many as others do.
FEWER = settings(max_examples=max(1, settings.default.max_examples // 4 if settings.default else 10))


def sample_of(kind: str) -> bytes:
    """Return a sound file of a kind."""
    examples = load_schema(kind)["examples"] if kind != "checkpoints" else []
    return b"\n".join(map(orjson.dumps, examples)) + b"\n"


def spoiled(content: bytes, where: int, what: bytes, much: int) -> bytes:
    """Return the content with some bytes replaced, inserted or cut out."""
    at = where % (len(content) + 1)
    return content[:at] + what + content[at + much :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("kind", [*all_kinds(), None])
@FEWER
@given(
    content=st.binary(max_size=300)
    | st.text(alphabet='{}[]":,0123456789eE-truefalsn\\\n \x1e', max_size=80).map(str.encode)
)
def test_random_bytes(folder: Path, kind: str | None, content: bytes) -> None:
    report = validated(write(folder / "x", content), kind=kind)
    assert set(report.counts) <= RULES.keys()
    assert report.lines()


@pytest.mark.parametrize("kind", all_kinds())
@FEWER
@given(where=st.integers(0, 10**6), what=st.binary(max_size=4), much=st.integers(0, 9))
def test_sound_files_with_a_mistake(folder: Path, kind: str, where: int, what: bytes, much: int) -> None:
    report = validated(write(folder / "x", spoiled(sample_of(kind), where, what, much)), kind=kind)
    assert set(report.counts) <= RULES.keys()
    assert orjson.dumps(report.to_json())


@FEWER
@given(which=st.integers(0, 10**6), where=st.integers(0, 10**6), what=st.binary(max_size=4), much=st.integers(0, 9))
def test_a_directory_with_a_mistake(
    tmp_path_factory: pytest.TempPathFactory, which: int, where: int, what: bytes, much: int
) -> None:
    os.environ["CQ_CONFIG_DIR"] = str(tmp_path_factory.getbasetemp() / "config")
    data = sound_directory(tmp_path_factory.mktemp("data"), events=5)
    files = sorted(path for path in data.root.rglob("*") if path.is_file())
    path = files[which % len(files)]
    path.write_bytes(spoiled(path.read_bytes(), where, what, much))
    assert set(validated(data.root).counts) <= RULES.keys()


def test_many_mistakes_are_counted_and_a_few_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "event_chain.ndjson", b"x\n" * 20_000)
    report = validated(path)
    assert report.counts == {"json.syntax": 20_000}
    assert len(report.files[0].findings) == SHOWN_IN_FILE
    assert "and 19,995 more of json.syntax" in report.lines()


def test_a_file_that_always_changes_is_read_again_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, reads = write(tmp_path / "health" / "feeder.json", example("health_feeder")), list[int]()
    read = reading._read_all

    def read_while_written(file: BinaryIO, size: int) -> bytes:
        content = read(file, size)
        if len(reads) < changes:
            reads.append(size)
            path.write_bytes(path.read_bytes() + b"\n")
        return content

    monkeypatch.setattr(reading, "_read_all", read_while_written)
    changes = 2
    assert validated(path).exit_code is ExitCode.OK
    changes = 100
    assert rules_of(validated(path)) == {str(path): {"file.changing"}}


def test_a_file_that_shrinks_while_it_is_read_gets_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "event_chain.ndjson", orjson.dumps(example("event")) + b"\n" * 5)
    monkeypatch.setattr("cq_tui.ops.validate.files.line_end", lambda file: (10**6, 10**6))
    assert validated(path, kind="event").exit_code is ExitCode.ERROR


def fill(path: Path, chunk: bytes, megabytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(chunk * (1024 * 1024 // len(chunk)))


#: One line, nested lists, one text without an end, small items, and blank lines.
LARGE: dict[str, Callable[[Path, int], None]] = {
    "line": lambda path, size: fill(path, b"x", size),
    "zeros": lambda path, size: fill(path, b"\0", size),
    "depth": lambda path, size: fill(path, b"[", size),
    "text": lambda path, size: fill(path, b'["' + b"y" * 1022, size),
    "items": lambda path, size: fill(path, b"[1,[],", size),
    "blank": lambda path, size: fill(path, b"\n" + b" " * 1023, size),
}
#: 1 GB, and each with each, in `make torture`.
HEAVY = bool(os.environ.get("CQ_HEAVY_TESTS"))
MEGABYTES = 1000 if HEAVY else 20
PAIRS = [(large, kind) for kind in ("event", "hash_chain", "checkpoints", "health_feeder", "kline") for large in LARGE]


# What resource tells includes the process before it became this one.
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("large", "kind"), PAIRS if HEAVY else [*PAIRS[:6], *PAIRS[9::6]])
def test_a_large_file_takes_little_memory(tmp_path: Path, large: str, kind: str) -> None:
    path = tmp_path / "x"
    LARGE[large](path, MEGABYTES)
    code = f"""
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.validate.run import Validation
report = Validation([Path({str(path)!r})], DataDir(Path("/none")), {kind!r}).run()
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.exit_code.value, int(peak) * 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=500, check=True)
    exit_code, memory = map(int, done.stdout.split())
    assert exit_code == 2
    assert memory < MOST_MEMORY
