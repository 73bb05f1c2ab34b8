"""What the history knows of the settings: each change is announced, written, recorded, whatever ends the process.

``state/settings.json`` has the file's values as last recorded, and a change that was announced and perhaps not
recorded. Whoever looks next finishes it, under the same writer and numbers, so that memory takes each event once. What
nobody announced was changed with an editor: it is recorded as changed by ``file``.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from cq_tui.contracts.data_version import DEFAULT_BASE_INTERVAL
from cq_tui.contracts.events import ConfigChanged
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import EARLIER_BASE_INTERVAL, effective_mode
from cq_tui.contracts.settings import SETTING_KEYS, TRADING_STATES, Settings
from cq_tui.contracts.state_files import AnnouncedSettings, SettingsRecordDocument
from cq_tui.contracts.strategy_settings import STRATEGIES, split_strategy_key
from cq_tui.store.data_version import keeps_earlier_interval
from cq_tui.store.document import (
    DocumentError,
    FileIdentity,
    file_identity,
    read_document,
    read_json,
    write_document,
)
from cq_tui.store.journal import JournalError
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_file import (
    Changed,
    LoadedSettings,
    SettingsError,
    change_settings,
    locked_settings,
    redact_value,
    redacted_settings,
)
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.spools.spool import EventSpool


class SettingsRecord:
    """Changes the settings of a data directory, and records what anybody changed."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._path = data.settings_record
        self._reserve = Reserve(data)
        #: Both files as they were when everything was recorded.
        self._seen: tuple[FileIdentity | None, FileIdentity | None] | None = None

    def change(self, changes: Mapping[str, Any], changed_by: str) -> Changed:
        """Write settings and record them; what cannot be recorded now is recorded by memory later.

        Raises SettingsError; then nothing was changed. A safer trading state is written even if nothing can be
        recorded.
        """
        last_good = SettingsInForce(self._data).load().in_file

        def change() -> Changed:
            return change_settings(
                self._data.settings, changes, lambda done: self._recording(done, changed_by), last_good
            )

        return self._reserve.spend(change, protects=changes.get("TRADING_STATE", "active") != "active")

    def keep_earlier_interval(self, loaded: LoadedSettings) -> None:
        """Write down, once and outside simulation, the base interval that a directory of an earlier version keeps.

        ``loaded``: the settings in force. Raises OSError; call it again later.
        """
        if loaded.problem or effective_mode(loaded.settings).mode == "simulation":
            return
        if not keeps_earlier_interval(self._data):
            return
        with suppress(SettingsError, DocumentError):
            if loaded.sources["ARES_BASE_INTERVAL"] == "default":
                self.change({"ARES_BASE_INTERVAL": EARLIER_BASE_INTERVAL}, "start")
            noted = read_json(self._data.version) | {"base_interval": DEFAULT_BASE_INTERVAL}
            write_document(self._data.version, noted)

    def follow(self) -> None:
        """Record what changed since the last call. Raises OSError or JournalError; call it again later.

        What somebody is changing at this moment is recorded next time.
        """
        settings = file_identity(self._data.settings)
        if self._seen == (settings, file_identity(self._path)):
            return
        if settings is None and self._seen is not None:
            # Services keep the last settings; an editor may be replacing the file.
            return
        with suppress(BlockingIOError), locked_settings(self._data.settings, wait=False):
            with suppress(SettingsError):
                self._record_differences()
            self._seen = settings, file_identity(self._path)

    @contextmanager
    def _recording(self, done: Changed, changed_by: str) -> Iterator[None]:
        with suppress(OSError, JournalError):
            self._record_differences()
        if done:
            changes = [
                ConfigChanged(key=each.key, old_value=each.old_value, new_value=each.new_value, changed_by=changed_by)
                for each in done
            ]
            try:
                self._announce(self._read() or SettingsRecordDocument(recorded={}), changed_by, changes)
            except OSError as error:
                if not _is_safer(done):
                    problem = f"{self._path}: cannot be written ({error.strerror}). Nothing was changed"
                    raise SettingsError(problem) from error
        yield
        with suppress(OSError, JournalError):
            self._reserve.spend(self._record_differences)

    def _record_differences(self) -> None:
        """Record what was announced, then what else differs from the file."""
        record = self._read()
        current = redacted_settings(self._data.settings, record.recorded if record else {})
        if record is not None and record.recorded and file_identity(self._data.settings) is None:
            # A file that is gone changed nothing: the services keep the last settings.
            return
        if record is None:
            # The first time: what is there is where the record begins.
            write_document(self._path, SettingsRecordDocument(recorded=current))
            return
        if record.announced is None:
            if changes := _differences(record.recorded, current):
                self._announce(record, "file", changes)
                self._record_differences()
            return
        announced, recorded = record.announced, record.recorded
        if all(_value(current, each.key) == each.new_value for each in announced.changes):
            self._spool(announced)
            keys = {each.key for each in announced.changes}
            recorded = {key: value for key, value in recorded.items() if key not in keys}
            recorded |= {key: value for key, value in current.items() if key in keys}
        write_document(self._path, SettingsRecordDocument(recorded=recorded))
        self._record_differences()

    def _announce(self, record: SettingsRecordDocument, changed_by: str, changes: Sequence[ConfigChanged]) -> None:
        announced = AnnouncedSettings(writer=f"{changed_by}-{secrets.token_hex(4)}", changes=list(changes))
        write_document(self._path, record.model_copy(update={"announced": announced}))

    def _spool(self, announced: AnnouncedSettings) -> None:
        """Spool the events that the spool lacks; memory knows those that it has merged already by their numbers."""
        with closing(EventSpool(self._data.spool, announced.writer, quarantine=self._data.quarantine)) as spool:
            for change in announced.changes[spool.seq :]:
                spool.emit("config_changed", change, durable=True)

    def _read(self) -> SettingsRecordDocument | None:
        """Return the record; None if there is none, or it cannot be read."""
        try:
            return read_document(self._path, SettingsRecordDocument)
        except DocumentError:
            return None


def _differences(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> list[ConfigChanged]:
    # The settings of strategies have keys of their own.
    inside = dict.fromkeys(key for key in (*recorded, *current) if split_strategy_key(key))
    keys = [*(key for key in SETTING_KEYS if key != STRATEGIES), *inside]
    pairs = [(key, _value(recorded, key), _value(current, key)) for key in keys]
    return [
        ConfigChanged(key=key, old_value=old, new_value=new, changed_by="file") for key, old, new in pairs if old != new
    ]


def _value(values: Mapping[str, Any], key: str) -> Any:
    """Return a redacted value, the default for a key that is not in the file; None for one of a strategy."""
    return values[key] if key in values else redact_value(key, getattr(Settings(), key, None))


def _is_safer(done: Changed) -> bool:
    order = TRADING_STATES.index
    return any(each.key == "TRADING_STATE" and order(each.new_value) > order(each.old_value) for each in done)
