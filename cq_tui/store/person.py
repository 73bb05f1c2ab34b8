"""Who gives a command: the login name, and where from."""

import os
from collections.abc import Mapping

from cq_tui.store.owner import user_name


def person_here(environment: Mapping[str, str] = os.environ) -> str:
    """Return who runs this process, such as ``kim from 192.0.2.7``: for the record, not for permissions.

    The name is the system's, the origin what sshd says (``SSH_CONNECTION``), which a terminal multiplexer may keep from
    an earlier login.
    """
    name = user_name(os.getuid())
    if os.getuid() == 0 and (before := _plain(environment.get("SUDO_USER", ""))):
        name = f"{before} as {name}"
    origin = _address(environment.get("SSH_CONNECTION", ""))
    return f"{name} from {origin}" if origin else name


def _address(connection: str) -> str:
    """Return the client's address: the first of four words."""
    if not connection:
        return ""
    from ipaddress import ip_address

    try:
        return str(ip_address(connection.split(maxsplit=1)[0]))
    except (IndexError, ValueError):
        return ""


def _plain(name: str) -> str:
    return name if len(name) <= 64 and name.isprintable() and name.isascii() else ""
