"""Documents: whole or not at all, and a clear word for whatever else lies there."""

import os
import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.health import FeederHealth
from cq_tui.contracts.runfiles import ExchangeAddress, LockHolder
from cq_tui.store.document import (
    DocumentError,
    DocumentMissing,
    read_content,
    read_document,
    read_json,
    write_document,
)
from tests.store.processes import finished, program, word


def test_replacing_is_atomic_for_a_reader_that_never_rests(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    sizes = (10, 200_000, 1_000, 70_000)
    write_document(path, {"size": 0, "fill": ""}, durable=False)
    done = threading.Event()
    seen: list[int] = []
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            try:
                value = read_json(path)
                if len(value["fill"]) != value["size"]:
                    wrong.append(value["size"])
                seen.append(value["size"])
            except DocumentError as error:
                wrong.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(400):
        size = sizes[turn % len(sizes)]
        write_document(path, {"size": size, "fill": "x" * size}, durable=turn % 40 == 0)
    done.set()
    reader.join()
    assert wrong == []
    assert len(set(seen)) > 1, "the reader saw it change"


WRITER = """
import sys
from pathlib import Path
from cq_tui.store.document import write_document
path, turn = Path(sys.argv[1]), 0
print("go", flush=True)
while True:
    turn += 1
    write_document(path, {"turn": turn, "fill": "x" * (turn % 7) * 20_000, "size": turn % 7 * 20_000}, durable=False)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_document(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    for turn in range(3):
        with program(WRITER, path) as process:
            word(process)
            highest = 0
            while highest < 40 + 13 * turn:
                try:
                    value = read_json(path)
                except DocumentMissing:
                    continue
                assert len(value["fill"]) == value["size"]
                highest = value["turn"]
            process.kill()
        value = read_json(path)
        assert len(value["fill"]) == value["size"]
        # What the killed one left behind is in nobody's way.
        write_document(path, {"turn": 0, "fill": "", "size": 0})
        assert [entry.name for entry in tmp_path.iterdir()] == ["d.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b'{"a": 1', "not valid JSON"),
        (b"\x00\xff\xfe", "not valid JSON"),
        (b"[]", "contains a list"),
        (b"null", "contains a NoneType"),
        (b"1", "contains a int"),
        (b'{"a":' * 2000, "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
    ],
)
def test_content_that_is_no_object_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=words) as caught:
        read_json(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy
    assert path.read_bytes() == content


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_is_no_regular_file_is_named_and_no_descriptor_is_lost(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("{}")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = open_files() if os.path.isdir("/proc/self/fd") else 0
    for name in ("folder", "fifo"):
        with pytest.raises(DocumentError, match="is not a regular file"):
            read_json(tmp_path / name)
    with pytest.raises(DocumentError, match="cannot be read"):
        read_json(tmp_path / "loop")
    with pytest.raises(DocumentError, match="cannot be read"):
        read_json(tmp_path / "file" / "below.json")
    for name in ("dangling", "nothing"):
        with pytest.raises(DocumentMissing):
            read_json(tmp_path / name)
    assert not before or open_files() == before


def test_a_file_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(DocumentError, match="104,857,600 bytes"):
        read_json(path)
    path.write_bytes(b"12345")
    assert read_content(path, limit=5) == b"12345"
    with pytest.raises(DocumentError, match="the limit is 4"):
        read_content(path, limit=4)


def test_a_disk_that_cannot_read_is_named(tmp_path: Path) -> None:
    # Reading a process's memory at address 0 is a read error that needs no broken disk.
    path = tmp_path / "d.json"
    path.symlink_to("/proc/self/mem")
    if not path.exists():
        pytest.skip("there is no /proc here")
    with pytest.raises(DocumentError):
        read_json(path)


class Sample(ContractModel):
    name: str
    count: int = 0
    secret: SecretStr | None = None


def test_a_wrong_field_is_named_with_value_and_rule_and_secrets_are_not(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(b'{"name": "x", "count": "\x1b[31mmany"}'.replace(b"\x1b", b"\\u001b"))
    with pytest.raises(DocumentError, match=r"field 'count'.*valid integer.*found '\\x1b\[31mmany'"):
        read_document(path, Sample)
    path.write_bytes(b'{"name": 1, "count": "many"}')
    with pytest.raises(DocumentError, match="and 1 more"):
        read_document(path, Sample)
    path.write_bytes(b'{"count": 1, "other": "canary"}')
    with pytest.raises(DocumentError, match="field 'name'") as caught:
        read_document(path, Sample)
    assert "canary" not in str(caught.value)
    path.write_bytes(orjson.dumps({"name": "y" * 100_000, "count": "z" * 100_000}))
    with pytest.raises(DocumentError) as caught:
        read_document(path, Sample)
    assert len(str(caught.value)) < 400


def test_a_secret_of_the_wrong_type_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "exchange.json"
    body = {"rest_url": "", "stream_url": "", "ws_api_url": "", "pid": 1, "started_ts": 1}
    path.write_bytes(orjson.dumps(body | {"api_key": ["canary"], "api_secret": "canary"}))
    with pytest.raises(DocumentError, match="api_key") as caught:
        read_document(path, ExchangeAddress)
    assert "canary" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_is_a_model_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(orjson.dumps(value))
    with pytest.raises(DocumentError):
        read_document(path, FeederHealth)


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.json"
    write_document(path, value, durable=False)
    assert read_json(path) == value


def test_files_are_private_and_end_with_a_line_feed(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_document(path, LockHolder(pid=1, process_started=2.0, name="x"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().endswith(b"}\n")
    assert b"kind" not in path.read_bytes(), "what is not set is not written"


def test_a_planted_link_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".d.json.tmp").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        write_document(tmp_path / "d.json", {"a": 1})
    assert victim.read_text() == "mine"


LIMITED = """
import resource, sys
from pathlib import Path
from cq_tui.store.document import write_document
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_document(path, {"fill": "x" * 5000})
except OSError as error:
    print("refused", error.errno)
"""


def test_a_write_that_the_disk_refuses_leaves_the_old_version_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_document(path, {"old": True})
    assert finished(LIMITED, path).startswith("refused")
    assert read_json(path) == {"old": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["d.json"]


def test_a_folder_in_the_way_of_the_document_is_an_error_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_document(path, {"a": 1})
    assert (path / "inside").is_dir()
    assert not (tmp_path / ".d.json.tmp").exists()
    with pytest.raises(FileNotFoundError):
        write_document(tmp_path / "gone" / "d.json", {"a": 1})
