"""The example bytes in docs/formats.md are a whole history with its checkpoint; each failure has its test."""

import re

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.checkpoint import open_checkpoint
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.event_line import build_line, parse_header
from cq_tui.store.history.hash_chain import TAIL_BYTES
from cq_tui.store.history.verification import verify
from cq_tui.store.spools.spooled_line import LineChecker, has_checksum
from tests.docs.test_pages import ROOT


def test_the_example_history_verifies(tmp_path: object) -> None:
    data = DataDir.resolve(str(tmp_path))
    blocks = re.findall(r"```(?:json)?\n(.*?)```", (ROOT / "docs" / "formats.md").read_text(), re.DOTALL)
    event, chain, note = (
        next(block for block in blocks if block.startswith(start))
        for start in ('{"event_id"', '{"chain"', "coinquant.r11/")
    )
    body, marker, tail = chain.removesuffix("\n").rpartition("\n]")
    data.memory.mkdir()
    data.events.write_text(event)
    data.hash_chain.write_text(body + (marker + tail).ljust(TAIL_BYTES - 1) + "\n")

    found = verify(data)
    assert (found.events, found.faults, found.missing, found.unchained) == (1, [], 0, 0)
    name = note.partition("\n")[0]
    key = re.search(rf"`({re.escape(name)}\+\S+)`", (ROOT / "docs" / "formats.md").read_text())
    assert key is not None
    checkpoint = open_checkpoint(note, VerifierKey.parse(key[1]))
    assert (checkpoint.size, checkpoint.root.hex()) == (1, found.merkle_root)


def test_the_example_of_a_spooled_line_is_the_event_of_the_history() -> None:
    blocks = re.findall(r"```json\n(.*?)\n```", (ROOT / "docs" / "formats.md").read_text(), re.DOTALL)
    spooled, stored = (
        next(block for block in blocks if block.startswith(start)) for start in ('{"seq"', '{"event_id"')
    )
    event = LineChecker("trader").check(spooled.encode(), 0)
    assert has_checksum(spooled.encode())
    rest = (event.source, event.data, event.writer, event.seq, event.occurred_at, event.metadata)
    assert build_line(parse_header(stored.encode()), *rest) == stored.encode()


def test_each_failure_names_a_test() -> None:
    text = (ROOT / "docs" / "failures.md").read_text()
    entries = re.split(r"^### (\d+)\. ", text.partition("## Not done yet")[0], flags=re.MULTILINE)
    assert len(entries) > 40
    assert entries[1::2] == [str(number) for number in range(1, len(entries) // 2 + 1)]
    assert all("::test_" in entry for entry in entries[2::2])
