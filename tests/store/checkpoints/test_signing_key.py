"""The signing key: made once, whoever asks first; never overwritten, never shown."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from cq_tui.store.checkpoints.config_folder import config_folder, create_file
from cq_tui.store.checkpoints.signing_key import SigningKeyError, key_path, load_key, load_or_create_key

# Waits for a word, so that several begin at the same moment, then says which key it has got.
CREATOR = """
import sys
from pathlib import Path
from cq_tui.store.checkpoints import signing_key
import cryptography.hazmat.primitives.asymmetric.ed25519, cryptography.hazmat.primitives.serialization
print("ready", flush=True)
sys.stdin.readline()
print(signing_key.load_or_create_key(Path(sys.argv[1])).public_key().public_bytes_raw().hex(), flush=True)
"""


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def pem(*, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def placed(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = key_path(folder)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_it_is_made_once_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "config"
    with pytest.raises(FileNotFoundError):
        load_key(folder)
    key = load_or_create_key(folder)
    content = key_path(folder).read_bytes()
    assert raw(load_or_create_key(folder)) == raw(load_key(folder)) == raw(key)
    assert key_path(folder).read_bytes() == content
    assert content.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE(key_path(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(folder) == [key_path(folder).name]


def test_a_folder_that_is_too_open_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    load_or_create_key(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_processes_that_make_it_at_once_end_with_the_same(tmp_path: Path) -> None:
    for round_number in range(3):
        folder = tmp_path / str(round_number)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", CREATOR, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        found = {process.communicate(timeout=60)[0].strip() for process in processes}
        assert found == {raw(load_key(folder)).hex()}
        assert os.listdir(folder) == [key_path(folder).name]


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        create_file(path, b"yours")
    assert path.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["file"]


def elliptic() -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: b"", "damaged or encrypted"),
        (lambda: pem()[:-40], "damaged or encrypted"),
        (lambda: pem(password=b"x"), "damaged or encrypted"),
        (lambda: bytes(119), "damaged or encrypted"),
        (lambda: b"x" * 20_000, "not a key file"),
        (elliptic, "not an Ed25519 key"),
    ],
    ids=["empty", "cut", "encrypted", "zeros", "large", "elliptic"],
)
def test_a_key_that_cannot_be_used_is_named_and_left_alone(
    tmp_path: Path, make: Callable[[], bytes], complaint: str
) -> None:
    content = make()
    path = placed(tmp_path, content)
    with pytest.raises(SigningKeyError, match=complaint) as raised:
        load_or_create_key(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "Move it away" in str(raised.value) or "move it away" in str(raised.value)
    assert path.read_bytes() == content
    # Not even a traceback shows what the library said of the file's content.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = placed(tmp_path, pem(), mode)
    with pytest.raises(SigningKeyError, match=rf"mode 0{mode:o}.*chmod 600 {path}"):
        load_or_create_key(tmp_path)
    path.chmod(0o600)
    load_or_create_key(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    key_path(tmp_path).mkdir()
    with pytest.raises(SigningKeyError, match="not a key file"):
        load_or_create_key(tmp_path)
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SigningKeyError, match=r"CQ_CONFIG_DIR|Check its owner"):
            load_or_create_key(folder)


def test_nothing_shows_what_the_key_is(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    secret = key.private_bytes_raw()
    for text in (repr(key), str(key)):
        assert secret.hex() not in text
        assert repr(secret) not in text


def test_the_folder_is_named_by_the_environment_or_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert config_folder() == Path(os.environ["CQ_CONFIG_DIR"])
    monkeypatch.setenv("CQ_CONFIG_DIR", "somewhere")
    assert config_folder() == Path.cwd() / "somewhere"
    monkeypatch.delenv("CQ_CONFIG_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert config_folder().is_relative_to(tmp_path)
    assert config_folder().name == "cq-tui"
