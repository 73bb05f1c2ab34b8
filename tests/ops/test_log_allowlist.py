"""The allow-list of a bundle is exactly what the sources log."""

import ast
from pathlib import Path

import cq_tui
from cq_tui.ops.log_allowlist import LOG_EVENTS

PACKAGE = Path(cq_tui.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged_words(source: str) -> set[object]:
    """Return the first argument of every ``….log.<level>(…)``; None for one that is no literal."""
    words: set[object] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="log") | ast.Name(id="log"), attr=level)) if (
                level in LEVELS
            ):
                first = node.args[0] if node.args else None
                words.add(first.value if isinstance(first, ast.Constant) else None)
    return words


def test_the_scan_finds_events_and_distinguishes_literals() -> None:
    source = "self.log.info('a', x=1)\nframe.log.error('b')\nlog.debug(f'{c}')\nself.ledger.info('d')"
    assert logged_words(source) == {"a", "b", None}


def test_the_allowlist_is_what_the_sources_log() -> None:
    found: set[object] = set()
    for layer in ("services", "supervisor"):
        for path in sorted((PACKAGE / layer).rglob("*.py")):
            words = logged_words(path.read_text(encoding="utf-8"))
            assert None not in words, f"{path}: an event text must be a literal, or it could hold a secret"
            found |= words
    assert found == LOG_EVENTS
