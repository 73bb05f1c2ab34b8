"""The settings of strategies that held last, as ARES keeps them in ``state/ares.json``."""

from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json


def good_settings(data: DataDir) -> dict[str, dict[str, Any]]:
    """Return them by strategy; of one that was never seen, nothing."""
    try:
        kept = read_json(data.state_of("ares")).get("good_settings")
    except DocumentError:
        return {}
    return {name: each for name, each in kept.items() if isinstance(each, dict)} if isinstance(kept, dict) else {}
