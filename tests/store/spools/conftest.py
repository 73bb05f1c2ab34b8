"""A folder of spools, with a quarantine beside it."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    (tmp_path / "quarantine").mkdir()
    return tmp_path / "spool"
