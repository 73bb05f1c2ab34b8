"""Logs are written to regular files of their own name, never through a link or into a pipe."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services import logs
from cq_tui.services.logs import open_log
from cq_tui.store.data_directory import prepare_data_directory


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    before = logging.getLogger().handlers[:]
    yield data
    logging.getLogger().handlers[:] = before
    for handler in logging.getLogger("cq_tui.trader").handlers:
        handler.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    secret = tmp_path / "secret"
    secret.write_text("mine\n")
    return secret


def test_nothing_is_logged_through_a_link(data: DataDir, secret: Path) -> None:
    data.log_of("trader").symlink_to(secret)
    with pytest.raises(OSError, match=r"is a symbolic link. Move it away"):
        open_log(data, "trader", "INFO")
    assert secret.read_text() == "mine\n"


def test_nothing_is_created_where_a_link_leads(data: DataDir, tmp_path: Path) -> None:
    data.log_of("trader").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        open_log(data, "trader", "INFO")
    assert not (tmp_path / "elsewhere").exists()


def test_a_pipe_is_no_log(data: DataDir) -> None:
    os.mkfifo(data.log_of("trader"))
    with pytest.raises(OSError, match="is no regular file"):
        open_log(data, "trader", "INFO")


def test_links_laid_for_a_rotation_lead_nowhere(data: DataDir, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_ROTATE_BYTES", 2000)
    log = open_log(data, "trader", "INFO")
    first = data.log_of("trader").with_name("trader.log.1")
    first.symlink_to(secret)
    for number in range(50):
        log.info("line", number=number)
    assert secret.read_text() == "mine\n"
    assert not first.is_symlink()
    assert b'"number":49' in data.log_of("trader").read_bytes()
