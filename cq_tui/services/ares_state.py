"""What ARES keeps in ``state/ares.json`` for the other services: settings that held last, and symbols that are read."""

from collections.abc import Mapping
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trader_requests import check_symbol
from cq_tui.store.document import DocumentError, read_json


def good_settings(data: DataDir) -> dict[str, dict[str, Any]]:
    """Return the settings of strategies that held last, by strategy; of one that was never seen, nothing."""
    kept = _state(data).get("good_settings")
    return {name: each for name, each in kept.items() if isinstance(each, dict)} if isinstance(kept, dict) else {}


def other_symbols(data: DataDir) -> list[str]:
    """Return the symbols that strategies read beside those that they trade."""
    return sorted({symbol for symbols in read_other_symbols(_state(data)).values() for symbol in symbols})


def read_other_symbols(state: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return them by strategy, those that can be symbols: a damaged document must not lead to other paths."""
    kept = state.get("other_symbols")
    if not isinstance(kept, dict):
        return {}
    return {name: [*filter(_is_symbol, each)] for name, each in kept.items() if isinstance(each, list)}


def _state(data: DataDir) -> Mapping[str, Any]:
    try:
        return read_json(data.state_of("ares"))
    except DocumentError:
        return {}


def _is_symbol(name: object) -> bool:
    try:
        return isinstance(name, str) and bool(check_symbol(name))
    except ValueError:
        return False
