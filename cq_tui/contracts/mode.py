"""The effective mode: the one function that turns the settings into simulation, paper, testnet or live."""

from dataclasses import dataclass
from typing import Literal

from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.settings import Settings

Mode = Literal["simulation", "paper", "testnet", "live"]

#: Safest first.
MODES: tuple[Mode, ...] = ("simulation", "paper", "testnet", "live")


@dataclass(frozen=True, slots=True)
class EffectiveMode:
    """The effective mode, the settings that led to it, and what prevents orders in it."""

    mode: Mode
    #: The settings that led to it, such as "SIMULATION_MODE is true".
    reasons: tuple[str, ...]
    #: Why no order can be placed; None if orders are possible.
    blocked: str | None = None

    @property
    def uses_simulator(self) -> bool:
        """Whether orders go to the simulated exchange."""
        return self.mode in ("simulation", "paper")

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
        return EffectiveMode("paper", ("TRADING_MODE is live, but " + ", ".join(missing),))
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


def base_interval(settings: Settings, mode: Mode) -> str:
    """Return the base kline interval of ARES: the setting, else 1s in simulation and 1m in other modes."""
    return settings.ARES_BASE_INTERVAL or ("1s" if mode == "simulation" else "1m")


def soft_guardrails_active(mode: Mode, *, disabled: bool) -> bool:
    """Whether the soft guardrails are active: always in live mode."""
    return mode == "live" or not disabled
