"""Reading reports: what is none is refused in words, also where it has no end."""

from pathlib import Path

import pytest

from cq_tui.ops.trading_reports import reading
from cq_tui.ops.trading_reports.reading import ReportUnreadable, read_report


def test_a_file_without_an_end_is_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_BYTES", 1 << 20)
    with pytest.raises(ReportUnreadable, match=r"/dev/zero: is larger than 1 MiB"):
        read_report(Path("/dev/zero"))


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"[" * 5_000, b"{}", b"\xff"])
def test_what_is_no_report_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ReportUnreadable, match=r"report\.json: is no report"):
        read_report(tmp_path)
