"""Who owns a file. What steers money is taken from this user, from root and from the owner of its folder only."""

import os
import pwd
from pathlib import Path


def foreign_owner(owner: int, folder: Path) -> str | None:
    """Return the name of a file's owner if it is none of these; None if the file may be trusted.

    Root may do anything anyway, and the owner of a folder may replace every file in it. Raises OSError.
    """
    is_trusted = owner in (0, os.geteuid()) or owner == folder.stat().st_uid
    return None if is_trusted else user_name(owner)


def user_name(user: int) -> str:
    """Return a user's name for messages, ``user 1000`` if it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
