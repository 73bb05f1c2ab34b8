"""The mode, for a user: the one that the services are in, what each mode takes and lacks, and a change to one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.limits import stricter_value
from cq_tui.contracts.mode import MODES, EffectiveMode, Mode, effective_mode, settings_for
from cq_tui.contracts.settings import Settings
from cq_tui.ops.render import format_setting
from cq_tui.ops.settings import ModeChangeRefused, set_settings
from cq_tui.ops.status import read_status
from cq_tui.store.settings_file import LoadedSettings, SettingChange, SettingsError
from cq_tui.store.what_is_open import what_is_open

#: What a person types before orders spend real money.
LIVE_WORD = "real-money"


class ModeLacks(SettingsError):
    """The mode cannot change: something lacks that no setting of the mode gives."""


@dataclass(frozen=True, slots=True)
class ModeOffer:
    """What one mode takes, and what it lacks."""

    mode: Mode
    #: Whether the services are in it, and the settings ask for it.
    is_in_force: bool
    #: The settings that would be changed.
    takes: Mapping[str, Any] = field(default_factory=dict)
    #: What a change of these settings is not enough for, each with its remedy.
    lacks: tuple[str, ...] = ()
    #: Whether nothing lacks but the keys of the account.
    lacks_only_keys: bool = False

    def describe(self) -> str:
        """Return the offer in a line, without the name of the mode."""
        return "; ".join(self.parts()) or "asked for"

    def parts(self) -> list[str]:
        """Return what it takes, and what it lacks."""
        if self.is_in_force:
            return ["in force"]
        takes = " ".join(f"{key}={format_setting(value)}" for key, value in self.takes.items())
        word = f'the word "{LIVE_WORD}"' if self.mode == "live" else ""
        parts = [
            f"takes {' and '.join(filter(None, (takes, word)))}" if takes or word else "",
            f"lacks {'; '.join(self.lacks)}" if self.lacks else "",
        ]
        return list(filter(None, parts))


@dataclass(frozen=True, slots=True)
class ModeReport:
    """The mode that the services are in, and all modes."""

    shown: EffectiveMode
    offers: tuple[ModeOffer, ...]
    #: Open positions and orders, in words: until they are closed, no mode is left.
    is_open: tuple[str, ...] = ()
    #: Why the services do not follow the settings; None if they do.
    problem: str | None = None

    def offer(self, mode: Mode) -> ModeOffer:
        """Return the offer of one mode."""
        return next(offer for offer in self.offers if offer.mode == mode)

    def lines(self) -> list[str]:
        """Return what ``cq-tui mode`` prints."""
        width = max(map(len, MODES))
        blocked = [f"no orders: {self.shown.blocked}"] if self.shown.blocked else []
        return [
            f"{self.shown.mode} ({'; '.join(self.shown.reasons)})",
            *blocked,
            *(f"  {offer.mode:<{width}}  {offer.describe()}" for offer in self.offers),
            *([f"open in {self.shown.mode}:"] if self.is_open else []),
            *(f"  {each}" for each in self.is_open),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what ``cq-tui mode --json`` prints."""
        return {
            "mode": self.shown.mode,
            "because": list(self.shown.reasons),
            "trading_blocked": self.shown.blocked,
            "problem": self.problem,
            "open": list(self.is_open),
            "modes": {
                offer.mode: {"in_force": offer.is_in_force, "takes": dict(offer.takes), "lacks": list(offer.lacks)}
                for offer in self.offers
            },
        }


def read_mode(data: DataDir) -> ModeReport:
    """Return the mode and what each one takes. Raises SettingsError if the environment is invalid."""
    status = read_status(data)
    offers = mode_offers(data, status.loaded, status.mode.mode)
    return ModeReport(status.mode, offers, tuple(what_is_open(data)), status.loaded.problem)


def mode_offers(data: DataDir, loaded: LoadedSettings, current: Mode) -> tuple[ModeOffer, ...]:
    """Return what each mode takes and lacks, with the services in ``current``."""
    is_settled = loaded.refused is None and effective_mode(loaded.settings).mode == current
    return tuple(_offer(data, loaded, mode, current, is_settled) for mode in MODES)


def _offer(data: DataDir, loaded: LoadedSettings, mode: Mode, current: Mode, is_settled: bool) -> ModeOffer:
    takes = settings_for(mode, loaded.requested)
    if mode == current and is_settled and not effective_mode(loaded.settings).blocked:
        return ModeOffer(mode, is_in_force=True)
    held = [key for key in takes if loaded.is_overridden_by_environment(key)]
    lacks = [f"{key} is set in the environment: unset it there, then restart" for key in held]
    lacks += [f"{key}, which {loaded.limits[key].path} forbids" for key in takes if _is_forbidden(loaded, key, takes)]
    wanted = loaded.requested.model_copy(update=takes)
    blocked = effective_mode(wanted).blocked
    if blocked:
        lacks.append("BINANCE_API_KEY and BINANCE_API_SECRET (`cq-tui config set KEY=-` asks for each)")
    elif fault := _account_fault(wanted, data):
        lacks.append(fault.removeprefix(f"{mode} needs "))
    if mode != current and what_is_open(data, unless_in=mode):
        lacks.append(f"the end of what is open in {current}")
    if mode == current and loaded.refused is not None and not lacks:
        lacks.append("a key and address of the account where something is open")
    return ModeOffer(mode, False, takes, tuple(lacks), lacks_only_keys=bool(blocked) and len(lacks) == 1)


def _is_forbidden(loaded: LoadedSettings, key: str, takes: Mapping[str, Any]) -> bool:
    limit = loaded.limits.get(key)
    return limit is not None and stricter_value(key, takes[key], limit.value) != takes[key]


def _account_fault(wanted: Settings, data: DataDir) -> str | None:
    # What signs requests is imported only where it is needed.
    from cq_tui.services.endpoints import account_fault

    return account_fault(wanted, data)


def change_mode(
    data: DataDir, mode: Mode, changed_by: str, notify: Callable[[str], object] = lambda _: None
) -> tuple[SettingChange, ...]:
    """Set all that a mode takes, in one write; return what changed.

    Raises SettingsError, which names what lacks, or ModeChangeRefused; then nothing was changed. Whether the user
    means live is asked by the caller.
    """
    report = read_mode(data)
    current, offer = report.shown.mode, report.offer(mode)
    if offer.is_in_force:
        return ()
    if mode != current and (obstacles := what_is_open(data, unless_in=mode)):
        raise ModeChangeRefused(current, mode, obstacles)
    if offer.lacks:
        raise ModeLacks(f"{mode} lacks {'; '.join(offer.lacks)}. Nothing was changed")
    return set_settings(data, offer.takes, changed_by, notify) if offer.takes else ()
