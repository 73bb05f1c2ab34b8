"""Where a data directory is: machine, path, device and inode.

Of the machine only a digest is kept. Its id is what the system was given at its installation; without one, as in many
containers, it is the host name.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cq_tui.store.data_directory import resolved_path
from cq_tui.trading.owner import Place

#: machine-id(5): 32 hexadecimal digits, or "uninitialized" while the system is installed.
_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_ID = re.compile(r"[0-9a-f]{32}")
_MAC_COMMAND = ("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
_MAC_ID = re.compile(r'"IOPlatformUUID" = "([0-9A-Fa-f-]{36})"')
_TIMEOUT = 5.0


def place_of(root: Path) -> Place:
    """Return where a data directory is now. Raises OSError."""
    status = root.stat()
    return Place(machine_digest(), resolved_path(root), str(status.st_dev), str(status.st_ino))


def machine_digest(files: Sequence[Path] = _FILES, mac_command: Sequence[str] = _MAC_COMMAND) -> str:
    """Return a digest that names this machine; the id itself is confidential (machine-id(5))."""
    name = _id_of_files(files) or (id_of_mac(mac_command) if sys.platform == "darwin" else None) or socket.gethostname()
    return sha256(f"cq-tui machine\n{name}".encode(errors="surrogateescape")).hexdigest()[:32]


def _id_of_files(files: Sequence[Path]) -> str | None:
    for path in files:
        with suppress(OSError, UnicodeDecodeError):
            text = path.read_text(encoding="ascii").strip()
            if _ID.fullmatch(text) and set(text) != {"0"}:
                return text
    return None


def id_of_mac(command: Sequence[str] = _MAC_COMMAND) -> str | None:
    """Return the id of a Mac's hardware, which needs no rights; None if it is not told."""
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=True)
        if match := _MAC_ID.search(said.stdout.decode(errors="replace")):
            return match[1].lower()
    return None
