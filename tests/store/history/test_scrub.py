"""Scrubbing: a flipped bit anywhere is found within one round."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.store.history.scrub import CHUNK, Scrubber


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, CHUNK * 2), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True))
def test_a_flip_is_found_in_one_round_and_an_intact_file_never_blamed(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], where: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "scrubbed"
    path.write_bytes(b"")
    scrubber = Scrubber(path)
    for number, size in enumerate(sizes):
        content = bytes([number + 1]) * size
        with path.open("ab") as file:
            file.write(content)
        scrubber.add(content)
        assert scrubber.step(2) is None
    total = sum(sizes)
    rounds = total // CHUNK + 1
    assert all(scrubber.step(1) is None for _ in range(2 * rounds))
    assert 0.0 <= scrubber.progress <= 1.0
    if total:
        offset = int(total * where)
        flip(path, offset)
        found = [damage for _ in range(rounds) if (damage := scrubber.step(1)) is not None]
        assert len(found) == 1
        assert found[0][0] <= offset < found[0][1]


def test_a_small_history_is_checked_too_and_a_cut_one_blamed(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"abc\n")
    scrubber = Scrubber(path)
    scrubber.add(b"abc\n")
    assert scrubber.step() is None
    path.write_bytes(b"abd\n")
    assert scrubber.step() == (0, 4)
    path.write_bytes(b"")
    assert scrubber.step() == (0, 4)
