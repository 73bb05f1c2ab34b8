"""Which reference pages there are."""

from collections.abc import Callable
from pathlib import Path

from docs.generate import denials, drills, events, exit_codes, files, keys, lives, rules, settings, where

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.page,
    "files.md": files.page,
    "events.md": events.page,
    "keys.md": keys.page,
    "denials.md": denials.page,
    "lives.md": lives.page,
    "drills.md": drills.page,
    "exit-codes.md": exit_codes.page,
    "rules.md": rules.page,
    "where.md": where.page,
}


def write_pages(folder: Path) -> None:
    """Write every page into ``folder`` and remove all other pages from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("*.md")) - {folder / name for name in PAGES}:
        stale.unlink()
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
