"""Reading the recording of a trader: a part that is damaged is a part without lines, never an error."""

import gzip
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backtest.recording import recorded_parts

_LINES = b'{"format":1}\n{"told":1}\n'
_PACKED = gzip.compress(_LINES * 500, mtime=0)


@pytest.mark.parametrize(
    "content",
    [b"", _PACKED[:40], _PACKED[:12] + b"\xff" * 30 + _PACKED[42:], _PACKED[:-8] + b"\0" * 8, b"not gzip", b"\0" * 99],
    ids=["empty", "cut", "damaged", "checksum", "text", "zeros"],
)
def test_a_damaged_part_has_no_line_and_keeps_its_place(tmp_path: Path, content: bytes) -> None:
    data = DataDir(tmp_path)
    data.trader_inputs.mkdir(parents=True)
    (data.trader_inputs / "1.ndjson.gz").write_bytes(content)
    (data.trader_inputs / "2.ndjson").write_bytes(_LINES + b'{"torn')
    first, second = recorded_parts(data)
    assert (first.name, first.first, [*first.rest()]) == ("1.ndjson", b"", [])
    assert (second.first, [*second.rest()]) == (b'{"format":1}', [b'{"told":1}'])
