"""What the feeder has chosen for entries of SYMBOLS such as ``top:50:USDT``: all services go by it.

It is in ``state/feeder.json``, by mode. Until the feeder has chosen for the first time, such an entry names nothing.
"""

from dataclasses import replace
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.state_files import FeederState
from cq_tui.contracts.symbol_choice import expand_symbols, top_entry
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.settings_file import LoadedSettings


def read_feeder_state(data: DataDir) -> FeederState:
    """Return what the feeder remembers. Raises DocumentError, DocumentMissing if it remembers nothing yet."""
    return read_document(data.state_of("feeder"), FeederState)


def remember(data: DataDir, **changes: Any) -> None:
    """Change what the feeder remembers; only the feeder does. Raises OSError."""
    try:
        known = read_feeder_state(data)
    except DocumentError:
        known = FeederState(held={})
    write_document(data.state_of("feeder"), known.model_copy(update=changes))


def with_chosen_symbols(loaded: LoadedSettings, data: DataDir) -> LoadedSettings:
    """Return the settings with the symbols chosen for the mode in force in place of the entries that ask for them."""
    settings = loaded.settings
    if all(top_entry(entry) is None for entry in settings.SYMBOLS):
        return loaded
    try:
        chosen = read_feeder_state(data).chosen.get(effective_mode(settings).mode, {})
    except DocumentError:
        chosen = {}
    return replace(loaded, settings=settings.model_copy(update={"SYMBOLS": expand_symbols(settings.SYMBOLS, chosen)}))
