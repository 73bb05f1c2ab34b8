"""The settings in force: those of the file or, while it cannot be used, the last good ones, on the same account.

``state/settings_in_force.json`` (0600) holds the last good values of the file, with secrets, and the account that the
services are on. The services and their supervisor write it, under the lock of the settings; everyone else reads it. So
a service that starts while the file is broken or gone goes on where the others are, and only reduces.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
from pydantic import ValidationError

from cq_tui.contracts.in_force import Identified, InForce
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import (
    ACCOUNT_KEYS,
    CREDENTIAL_KEYS,
    EARLIER_BASE_INTERVAL,
    effective_mode,
    refuse_switch,
)
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, Settings
from cq_tui.contracts.strategy_settings import is_secret_parameter, split_strategy_key, with_values
from cq_tui.store.administrator_limits import AdministratorLimits, LastLimits, LimitsInForce
from cq_tui.store.data_version import keeps_earlier_interval
from cq_tui.store.document import (
    DocumentError,
    FileIdentity,
    file_identity,
    parse_document,
    read_json,
    read_with_owner,
    write_document,
)
from cq_tui.store.owner import foreign_owner
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_file import (
    LoadedSettings,
    SettingsError,
    held_settings,
    load_settings,
    locked_settings,
    merge_settings,
    read_last_of_duplicates,
    redact_settings,
    safer_state,
)
from cq_tui.store.trading_state import Seen, Stop, seen_stops, standing_stops
from cq_tui.store.what_is_open import what_is_open, what_is_open_elsewhere

#: Says why the account that settings choose cannot be used; None if it can, as far as that is known beforehand.
AccountFault = Callable[[Settings], str | None]


def read_in_force(data: DataDir) -> InForce | None:
    """Return what the services wrote; None if there is nothing, or it cannot be used."""
    path = data.settings_in_force
    try:
        content, uid = read_with_owner(path)
        found, owner = parse_document(path, content, InForce), foreign_owner(uid, path.parent)
        Settings.model_validate(found.account)
        Settings.model_validate(found.in_file or {})
    except (DocumentError, ValidationError, OSError):
        return None
    return None if owner else found


class SettingsInForce:
    """Reads the settings of a data directory as everybody sees them; with ``writes``, for who acts on them."""

    def __init__(
        self,
        data: DataDir,
        environment: Mapping[str, str] | None = None,
        *,
        writes: bool = False,
        fault: AccountFault = lambda _: None,
    ) -> None:
        self._data = data
        self._environment = environment
        self._writes = writes
        self._fault = fault
        self._limit_files = LimitsInForce(environment)
        self._limits = AdministratorLimits()
        self._loaded: LoadedSettings | None = None
        #: The same as the stops leave it, and the files among them.
        self._stopped: LoadedSettings | None = None
        self._file_stops: tuple[Stop, ...] = ()
        self._seen_stops: tuple[Seen, ...] = ()
        #: A stop that no file says.
        self.held_stop: Stop | None = None
        #: Whether this is the trader, which is on the account itself.
        self.trades = False
        #: What the exchange said about keys and address that are not in force yet.
        self.identified: Identified | None = None
        self._seen: tuple[FileIdentity | None, FileIdentity | None] = (None, None)
        #: What this process knows, in case that the record cannot be read or written.
        self._known: InForce | None = None
        #: Whether the record lacks what this process knows: the disk refused it, or somebody held the lock.
        self.is_pending = False

    @property
    def is_unsettled(self) -> bool:
        """Whether another look may change something although no file has changed."""
        is_refused = self._loaded is not None and self._loaded.refused is not None
        return self.is_pending or is_refused or self._limits.problem is not None

    def load(self) -> LoadedSettings:
        """Return the settings in force now. Raises SettingsError if the environment is invalid."""
        seen = file_identity(self._data.settings), file_identity(self._data.settings_in_force)
        limits = self._limit_files.read(self._remembered_limits)
        is_new = seen != self._seen or limits is not self._limits
        if self._loaded is None or None in seen or is_new or self.is_unsettled:
            self._limits = limits
            self._loaded, self._seen = self._load(seen[0]), seen
            self._stopped = None
        stops = self._read_stops()
        if self._stopped is None or stops != self._stopped.stops:
            self._stopped = self._loaded.stopped_by(stops)
        return self._stopped

    def _remembered_limits(self) -> LastLimits:
        stored = read_in_force(self._data)
        return {} if stored is None else stored.limits

    def _read_stops(self) -> tuple[Stop, ...]:
        """Return what stops trading beside the settings."""
        seen = seen_stops(self._data)
        if seen != self._seen_stops:
            self._file_stops, self._seen_stops = standing_stops(self._data), seen
        return self._file_stops if self.held_stop is None else (self.held_stop, *self._file_stops)

    def _load(self, identity: FileIdentity | None) -> LoadedSettings:
        stored = read_in_force(self._data)
        known = self._known if self.is_pending or stored is None or self._is_left_behind(stored) else stored
        before = known or _recorded_before(self._data)
        held = held_settings(self._environment)
        last_good = merge_settings(before.in_file, held) if before else None
        loaded = self._limits.tighten(load_settings(self._data.settings, held, last_good))
        account, refused, identified = _account(loaded), None, None
        if before and account != before.account:
            identified = self._identified_for(loaded.settings, before)
            if refused := self._refuse(loaded, before, identified):
                account, loaded = before.account, _stay(loaded, before, held, refused)
        if loaded.problem is not None:
            where = f"the services stay in {effective_mode(loaded.settings).mode}, {loaded.settings.TRADING_STATE}"
            loaded = replace(loaded, problem=f"{loaded.problem}: {where}")
        if known or loaded.problem is None:
            # Where the services are is known to themselves, and to others only from what they wrote.
            account = account if self._writes or stored else {}
            in_file = None if loaded.in_file is None else dict(loaded.in_file)
            self._known = InForce(
                in_file=in_file,
                account=account,
                refused=refused,
                identified=identified,
                limits=self._limits_to_keep(before),
            )
            self._write(self._known, stored, identity)
        return self._with_earlier_interval(loaded)

    def _with_earlier_interval(self, loaded: LoadedSettings) -> LoadedSettings:
        """Return the settings with the default of the version that the directory is from, until it is written down."""
        settings = loaded.settings
        is_set = settings.ARES_BASE_INTERVAL is not None or effective_mode(settings).mode == "simulation"
        if is_set or not keeps_earlier_interval(self._data):
            return loaded
        return replace(loaded, settings=settings.model_copy(update={"ARES_BASE_INTERVAL": EARLIER_BASE_INTERVAL}))

    def _is_left_behind(self, stored: InForce) -> bool:
        """Whether others left the mode or the account of this process although something is open there.

        They went by an account document from before an entry. Whoever still is where the entry was has them come back;
        of two accounts in one mode only the trader knows which one that is.
        """
        mine = self._known
        if not self._writes or mine is None or mine.mode is None:
            return False
        if mine.mode != stored.mode:
            return bool(what_is_open(self._data, unless_in=stored.mode))
        is_elsewhere = self.trades and _has_other_credentials(stored.account, mine)
        return is_elsewhere and bool(what_is_open_elsewhere(self._data, mine.mode, None))

    def _limits_to_keep(self, before: InForce | None) -> dict[str, dict[str, Any]]:
        """Return what the limits files said last; those that only others name, as they know them."""
        said = self._limits.said
        others = {} if before is None else {path: kept for path, kept in before.limits.items() if path not in said}
        return others | {path: dict(values) for path, values in said.items() if values}

    def _identified_for(self, settings: Settings, before: InForce) -> Identified | None:
        """Return whose account these settings lead to; None if that is not known."""
        digest = digest_of(settings)
        known = (self.identified, before.identified)
        return next((found for found in known if found is not None and found.credentials == digest), None)

    def _refuse(self, loaded: LoadedSettings, before: InForce, identified: Identified | None) -> str | None:
        """Return why the services stay on the account that they are on; None if they do not."""
        requested = effective_mode(loaded.settings)
        is_known = before.refused or (before.account and requested.mode == before.mode)
        if is_known and not self._writes and before.in_file == loaded.in_file:
            # The services may have another environment.
            return before.refused
        found = identified or Identified(credentials="")
        if requested.mode != before.mode:
            is_open = what_is_open(self._data, unless_in=requested.mode)
        elif requested.takes_keys and _has_other_credentials(_account(loaded), before):
            is_open = what_is_open_elsewhere(self._data, requested.mode, found.account)
        else:
            is_open = []
        # While it is not known what is allowed, nobody goes elsewhere.
        fault = self._limits.problem or self._fault(loaded.settings)
        return refuse_switch(requested, before.mode, fault, is_open, found.account, found.problem)

    def _write(self, now: InForce, stored: InForce | None, identity: FileIdentity | None) -> None:
        """Store what is in force; what cannot be stored now is tried again at the next look."""
        self.is_pending = self._writes and now != stored
        if not self.is_pending:
            return
        with suppress(OSError), locked_settings(self._data.settings, wait=False):
            if file_identity(self._data.settings) != identity:
                return
            Reserve(self._data).spend(lambda: write_document(self._data.settings_in_force, now.model_dump()))
            self.is_pending = False


def _recorded_before(data: DataDir) -> InForce | None:
    """Return the file's values that memory recorded last: earlier versions knew no more.

    Their secrets are there only if the file still says the same: those versions took the last of two equal keys.
    """
    try:
        recorded = read_json(data.settings_record)["recorded"]
        values = {key: recorded[key] for key in SETTING_KEYS if key in recorded and key not in SECRET_KEYS}
        inside = {key: value for key, value in recorded.items() if split_strategy_key(key)}
        values = with_values(values, {key: value for key, value in inside.items() if not is_secret_parameter(key)})
        Settings.model_validate(values)
    except (DocumentError, ValidationError, KeyError, TypeError):
        return None
    with suppress(SettingsError):
        in_file = read_last_of_duplicates(data.settings)
        if redact_settings(in_file) == recorded:
            values = in_file
    return InForce(in_file=values) if recorded else None


def digest_of(settings: Settings) -> str:
    """Return what tells keys, address and mode from others, and does not tell the keys."""
    values = [effective_mode(settings).mode]
    for key in CREDENTIAL_KEYS:
        value = getattr(settings, key)
        values.append(value.get_secret_value() if key in SECRET_KEYS and value is not None else value)
    return hashlib.sha256(orjson.dumps(values)).hexdigest()


def _has_other_credentials(account: Mapping[str, Any], before: InForce) -> bool:
    return any(account.get(key) != before.account.get(key) for key in CREDENTIAL_KEYS)


def _account(loaded: LoadedSettings) -> dict[str, Any]:
    """Return what chose the account. A secret that is held in the environment is not to be stored in a file."""
    settings, account = loaded.settings, dict[str, Any]()
    for key in ACCOUNT_KEYS:
        value = getattr(settings, key)
        if key not in SECRET_KEYS:
            account[key] = value
        elif value is not None and loaded.sources[key] == "file":
            account[key] = value.get_secret_value()
    return account


def _stay(loaded: LoadedSettings, before: InForce, held: Mapping[str, str], refused: str) -> LoadedSettings:
    """Return the settings on the account that the services are on; nothing more is opened there."""
    asked, there = loaded.settings, Settings.model_validate(before.account)
    chosen = {key: getattr(there, key) for key in ACCOUNT_KEYS}
    for key in SECRET_KEYS - before.account.keys():
        chosen[key] = getattr(asked, key) if key in held else None
    chosen["TRADING_STATE"] = safer_state("reducing", asked.TRADING_STATE)
    text = f"{refused}. Correct the settings, or take the change back"
    problem = "; ".join(filter(None, (loaded.problem, text)))
    return replace(loaded, settings=asked.model_copy(update=chosen), problem=problem, refused=asked)
