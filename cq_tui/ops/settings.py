"""Changing settings on a person's behalf: checked, written, and remembered."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from pydantic import ValidationError

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.events import ConfigChanged
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import Settings
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, DocumentMissing, read_document
from cq_tui.store.journal import JournalError
from cq_tui.store.settings_file import SettingChange, SettingsError, change_settings, load_settings
from cq_tui.store.spools.spool import EventSpool

_OPEN_STATUSES = frozenset({"intended", "sent", "unknown", "new", "partially_filled", "pending_new"})


def set_settings(data: DataDir, changes: Mapping[str, Any], changed_by: str) -> tuple[SettingChange, ...]:
    """Write settings and spool one ``config_changed`` event for each that is different now.

    ``changed_by`` is ``room`` or ``cli``. Raises SettingsError, naming the key that the environment holds, or the
    value and its rule; then nothing was changed.
    """
    loaded = load_settings(data.settings)
    for key, value in changes.items():
        if loaded.is_overridden_by_environment(key, value):
            raise SettingsError(
                f"{key} is held by the environment, which goes before the file. Unset it there, then try again"
            )
    prepare_data_directory(data)
    done = change_settings(data.settings, changes)
    _emit_changes(data, done, changed_by)
    return done


def _emit_changes(data: DataDir, changes: Sequence[SettingChange], changed_by: str) -> None:
    if not changes:
        return
    writer = f"{changed_by}-{secrets.token_hex(4)}"
    try:
        # Closed whatever happens: the spool vanishes when nobody holds it and memory has merged it.
        with closing(EventSpool(data.spool, writer, quarantine=data.quarantine)) as spool:
            for change in changes:
                payload = ConfigChanged(
                    key=change.key, old_value=change.old_value, new_value=change.new_value, changed_by=changed_by
                )
                spool.emit("config_changed", payload, durable=True)
    except JournalError as error:
        raise SettingsError(f"the setting is changed, but could not be remembered: {error}") from None


def changes_mode(data: DataDir, changes: Mapping[str, Any]) -> bool:
    """Whether new settings would lead to another mode. Raises SettingsError when the environment is wrong."""
    before = load_settings(data.settings).settings
    try:
        after = Settings.model_validate(before.model_dump() | dict(changes))
    except ValidationError:
        # Writing it says what is wrong, better than we could here.
        return False
    return effective_mode(before).mode != effective_mode(after).mode


def mode_change_obstacles(data: DataDir) -> list[str]:
    """Name the open positions and orders that forbid a change of mode; empty when nothing does."""
    try:
        account = read_document(data.account, AccountState)
    except DocumentMissing:
        return []
    except DocumentError as error:
        return [f"what is open cannot be told: {error}"]
    positions = [f"{p.symbol}: {p.size:g} held since entry at {p.entry_price:g}" for p in account.positions.values()]
    orders = [
        f"{order.symbol}: {order.side} {order.leg} order {order.status.lower()}"
        for order in account.orders
        if order.status.lower() in _OPEN_STATUSES
    ]
    return positions + orders
