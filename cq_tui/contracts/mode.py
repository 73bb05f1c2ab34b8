"""The effective mode: the one function that turns the settings into simulation, paper, testnet or live.

Another one says whether the services may change to it, and a third what a reader shows of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from cq_tui.contracts.data_version import DEFAULT_BASE_INTERVAL
from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.contracts.settings import Settings

Mode = Literal["simulation", "paper", "testnet", "live"]

#: Safest first.
MODES: tuple[Mode, ...] = ("simulation", "paper", "testnet", "live")

#: The settings that lead to an account in a mode with keys.
CREDENTIAL_KEYS: tuple[str, ...] = (
    "BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_REST_URL", "BINANCE_STREAM_URL", "BINANCE_WS_API_URL",
)  # fmt: skip

#: The settings that choose the account: the mode, the address, and the keys. The guardrails are a consent to live.
ACCOUNT_KEYS: tuple[str, ...] = (
    *CREDENTIAL_KEYS, "BINANCE_USE_TESTNET", "TRADING_MODE", "SIMULATION_MODE", "PAPER_MODE", "LIVE_TRADING_ENABLED",
    "DISABLE_ORDER_GUARDRAILS",
)  # fmt: skip


#: The flag that names each mode but live.
_FLAGS: dict[Mode, str] = {
    "simulation": "SIMULATION_MODE", "paper": "PAPER_MODE", "testnet": "BINANCE_USE_TESTNET",
}  # fmt: skip

#: The settings that name a mode, or consent to it.
MODE_KEYS: tuple[str, ...] = (
    "BINANCE_USE_TESTNET", "TRADING_MODE", "SIMULATION_MODE", "PAPER_MODE", "LIVE_TRADING_ENABLED",
)  # fmt: skip

#: Positions and orders named in a refusal.
_MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class EffectiveMode:
    """The effective mode, the settings that led to it, and what prevents orders in it."""

    mode: Mode
    #: The settings that led to it, such as "SIMULATION_MODE is true".
    reasons: tuple[str, ...]
    #: Why no order can be placed; None if orders are possible.
    blocked: str | None = None
    #: Why live, which was asked for, is not granted: a consent is missing.
    not_granted: str | None = None
    #: Whether the services are in another mode than the settings ask for, or not all in one: ``reasons`` names each.
    is_contradicted: bool = False

    @property
    def uses_simulator(self) -> bool:
        """Whether orders go to the simulated exchange."""
        return self.mode in ("simulation", "paper")

    @property
    def takes_keys(self) -> bool:
        """Whether the keys in the settings choose the account."""
        return not self.uses_simulator

    @property
    def required_services(self) -> tuple[str, ...]:
        """Services that the mode needs, in start order: the exchange only where orders go to it."""
        return SERVICES if self.uses_simulator else tuple(name for name in SERVICES if name != "exchange")


def effective_mode(settings: Settings) -> EffectiveMode:
    """Return the safest mode that any setting names; live without every consent becomes paper."""
    named: dict[Mode, str] = {settings.TRADING_MODE: f"TRADING_MODE is {settings.TRADING_MODE}"}
    if settings.BINANCE_USE_TESTNET:
        named.setdefault("testnet", "BINANCE_USE_TESTNET is true")
    if settings.PAPER_MODE:
        named.setdefault("paper", "PAPER_MODE is true")
    if settings.SIMULATION_MODE:
        named.setdefault("simulation", "SIMULATION_MODE is true")
    mode = next(mode for mode in MODES if mode in named)
    if mode == "live" and (missing := _missing_consents(settings)):
        reason = "TRADING_MODE is live, but " + ", ".join(missing)
        return EffectiveMode("paper", (reason,), not_granted=reason)
    needs_keys = mode in ("testnet", "live") and not settings.has_keys
    blocked = f"{mode} needs BINANCE_API_KEY and BINANCE_API_SECRET" if needs_keys else None
    return EffectiveMode(mode, (named[mode],), blocked)


def _missing_consents(settings: Settings) -> list[str]:
    missing = []
    if not settings.LIVE_TRADING_ENABLED:
        missing.append("LIVE_TRADING_ENABLED is false")
    if settings.DISABLE_ORDER_GUARDRAILS:
        missing.append("the guardrails are off")
    return missing


def settings_for(mode: Mode, settings: Settings) -> dict[str, Any]:
    """Return the settings that must change so that ``effective_mode`` is this one, apart from keys.

    No mode but live leaves a request for live behind: what would then be needed is one flag less.
    """
    wanted: dict[str, Any] = {_FLAGS[each]: False for each in MODES[: MODES.index(mode)]}
    asked = settings.TRADING_MODE
    if asked != mode and (asked == "live" or MODES.index(asked) < MODES.index(mode)):
        wanted["TRADING_MODE"] = mode
    if mode == "live":
        wanted |= {"LIVE_TRADING_ENABLED": True, "DISABLE_ORDER_GUARDRAILS": False}
    elif wanted.get("TRADING_MODE", asked) != mode:
        wanted[_FLAGS[mode]] = True
    return {key: value for key, value in wanted.items() if getattr(settings, key) != value}


def refuse_switch(
    requested: EffectiveMode,
    current: Mode | None,
    fault: str | None = None,
    is_open: Sequence[str] = (),
    account: str | None = None,
    unidentified: str | None = None,
) -> str | None:
    """Return why the services do not follow the settings to another account; None if they do.

    ``current`` is the mode that they are in; None in a new data directory, which holds nothing yet. ``fault`` says why
    the account that the settings name cannot be used, such as a bad address; ``is_open`` what is open on the present
    one, in words. In the same mode other keys or another address may lead to it all the same: ``account`` is the one
    that they lead to, by the exchange, None while that is not known, ``unidentified`` why it does not say; ``is_open``
    is then what is open elsewhere.
    Services that are refused a switch stay where their positions are, and only reduce. Keys that are taken away in the
    same mode are no switch.
    """
    if current is None:
        return None
    if requested.not_granted and current in ("testnet", "live"):
        # From the simulated exchange it is paper, as ever: that is the same account.
        return requested.not_granted
    if requested.mode == current and requested.blocked:
        return None
    if not is_open or requested.blocked or fault:
        return requested.blocked or fault
    listed = _list(is_open)
    if requested.mode != current:
        return f"{requested.mode} waits until nothing is open in {current} ({listed})"
    if account is None:
        waits = "the new key or address waits until the exchange says whose account it leads to"
        why = f", which it does not: {unidentified}" if unidentified else ""
        return f"{waits}{why} (open here: {listed})"
    return f"the new key or address leads to {account}, which waits until nothing is open here ({listed})"


def _list(is_open: Sequence[str]) -> str:
    more = [f"{len(is_open) - _MAX_LISTED} more"] if is_open[_MAX_LISTED:] else []
    return "; ".join([*is_open[:_MAX_LISTED], *more])


def shown_mode(own: EffectiveMode, services: Mapping[str, str | None]) -> EffectiveMode:
    """Return the mode to show: the one that the services are in, by their own reports.

    ``own`` is what the settings say to the reader, shown when no service reports a mode. ``services`` holds the mode in
    each current report, the trader's first. Where they differ, each is named.
    """
    reported = {name: mode for name, mode in services.items() if mode in MODES}
    if not reported or set(reported.values()) == {own.mode}:
        return own
    shown = next(mode for mode in MODES if mode == next(iter(reported.values())))
    if len(set(reported.values())) == 1:
        said = [f"services: {shown}"]
    else:
        said = [f"{name}: {mode}" for name, mode in reported.items()]
    reasons = (*said, f"settings: {own.mode}, {'; '.join(own.reasons)}")
    return EffectiveMode(shown, reasons, is_contradicted=True)


#: Of directories of earlier versions, which keep it.
EARLIER_BASE_INTERVAL: Final = "1m"


def base_interval(settings: Settings, mode: Mode) -> str:
    """Return the base kline interval of ARES: the setting, else 1s in simulation and 5m in other modes."""
    return settings.ARES_BASE_INTERVAL or ("1s" if mode == "simulation" else DEFAULT_BASE_INTERVAL)


def fed_intervals(
    settings: Settings, mode: Mode, good: Mapping[str, Mapping[str, Any]], trailed: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the intervals of which klines are fed: the base one, and those that strategies ask for.

    ``good``: settings of strategies that held last, which hold in place of wrong ones. ``trailed``: intervals by whose
    bars stops of open positions trail, whatever the settings say by now.
    """
    asked = (asked_interval(each, good.get(name, {})) for name, each in settings.STRATEGIES.items())
    return tuple(dict.fromkeys((base_interval(settings, mode), *filter(None, asked), *trailed)))


def asked_interval(strategy: Any, good: Mapping[str, Any]) -> str | None:
    """Return the interval that a strategy's settings ask for; None means the base one. ``good`` are those before."""
    for values in (strategy, good):
        interval = values.get("interval") if isinstance(values, Mapping) else False
        if interval is None or (isinstance(interval, str) and interval in INTERVAL_MS):
            return interval
    return None


def min_target_costs(settings: Settings, mode: Mode) -> float:
    """Return TRADER_MIN_TARGET_COSTS; unset, 1 in simulation and 2 elsewhere."""
    if settings.TRADER_MIN_TARGET_COSTS is not None:
        return settings.TRADER_MIN_TARGET_COSTS
    return 1.0 if mode == "simulation" else 2.0


def soft_guardrails_active(mode: Mode, *, disabled: bool) -> bool:
    """Whether the soft guardrails are active: always in live mode."""
    return mode == "live" or not disabled
