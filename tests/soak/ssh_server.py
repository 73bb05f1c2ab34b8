"""A real sshd on 127.0.0.1 for one user, with keys and configuration made at run time in a temporary folder."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

_PATIENCE = 20.0


def find_sshd() -> str | None:
    """Return sshd, which needs its whole path; None if it is not installed, or ssh is not."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return found if found and shutil.which("ssh") and shutil.which("ssh-keygen") else None


class SshServer:
    """Started by its user, without root where that is possible. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is empty and the user's own. Raises OSError if sshd does not listen."""
        self._folder = folder
        self.port = _free_port()
        for name in ("host_key", "user_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "soak", "-f", str(folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        (folder / "authorized_keys").write_bytes((folder / "user_key.pub").read_bytes())
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {folder}/host_key\nPidFile {folder}/sshd.pid\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitUserRC no\nPrintMotd no\nMaxStartups 100\n"
        )
        if os.geteuid() == 0:
            # Where sshd drops its privileges; the system's own start makes it otherwise.
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        words = [find_sshd() or "sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
        with (folder / "sshd.log").open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while not self._is_listening():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise OSError(f"sshd does not listen: {(folder / 'sshd.log').read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def command(self, *remote: str) -> list[str]:
        """Return the command that runs another one in a terminal on the other side."""
        options = {
            "UserKnownHostsFile": self._folder / "known_hosts", "StrictHostKeyChecking": "accept-new",
            "IdentitiesOnly": "yes", "IdentityFile": self._folder / "user_key", "LogLevel": "ERROR",
            "ConnectTimeout": 20, "EscapeChar": "none", "BatchMode": "yes",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        target = f"{getpass.getuser()}@127.0.0.1"
        return ["ssh", "-F", "/dev/null", "-tt", "-p", str(self.port), *words, target, *remote]

    def sessions(self) -> list[int]:
        """Return the pids of the server's side of every connection."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def _is_listening(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def __enter__(self) -> "SshServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
