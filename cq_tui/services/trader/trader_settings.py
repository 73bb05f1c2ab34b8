"""The settings as the core decides by them: exact numbers. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from cq_tui.contracts.mode import EffectiveMode, Mode, min_target_costs
from cq_tui.contracts.numbers import to_decimal
from cq_tui.contracts.settings import StrategySettings
from cq_tui.store.settings_file import LoadedSettings
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.limits.losses import LossLimits


def trader_settings(loaded: LoadedSettings, effective: EffectiveMode, mode: Mode) -> TraderSettings:
    """Return the settings of a session in ``mode``; while the mode in force is another one, nothing is opened."""
    settings = loaded.settings
    blocked = effective.blocked
    if effective.mode != mode:
        blocked = f"the mode changes to {effective.mode}"
    return TraderSettings(
        mode=mode,
        trading_state=settings.TRADING_STATE,
        stop_reason=loaded.stop_reason,
        mode_blocked=blocked,
        settings_problem=loaded.problem,
        guardrails_disabled=settings.DISABLE_ORDER_GUARDRAILS,
        quote=settings.TRADER_QUOTE,
        symbols=tuple(settings.SYMBOLS),
        order_quote=to_decimal(settings.TRADER_ORDER_QUOTE),
        max_positions=settings.TRADER_MAX_POSITIONS,
        max_exposure=to_decimal(settings.TRADER_MAX_EXPOSURE),
        freshness=settings.ARES_FRESHNESS_THRESHOLD,
        cooldown=settings.TRADER_ORDER_COOLDOWN,
        quarantine_failures=settings.TRADER_QUARANTINE_FAILURES,
        quarantine_seconds=settings.TRADER_QUARANTINE_SECONDS,
        max_symbol_stops=settings.TRADER_MAX_SYMBOL_STOPS,
        max_strategy_stops=settings.TRADER_MAX_STRATEGY_STOPS,
        max_repairs=settings.TRADER_MAX_REPAIRS,
        repair_window=settings.TRADER_REPAIR_WINDOW,
        losses=LossLimits(
            daily=to_decimal(settings.TRADER_MAX_DAILY_LOSS),
            warn=to_decimal(settings.TRADER_DRAWDOWN_WARN),
            reduce=to_decimal(settings.TRADER_DRAWDOWN_REDUCE),
            halt=to_decimal(settings.TRADER_DRAWDOWN_HALT),
        ),
        exit_any_strategy=settings.TRADER_EXIT_ANY_STRATEGY,
        slippage_cap=to_decimal(settings.TRADER_SLIPPAGE_CAP),
        max_price_gap=to_decimal(settings.TRADER_MAX_PRICE_GAP),
        min_confidence=settings.TRADER_MIN_CONFIDENCE,
        orders_minute=settings.TRADER_MAX_ORDERS_MINUTE,
        orders_day=settings.TRADER_MAX_ORDERS_DAY,
        order_notional=_amount(settings.TRADER_MAX_ORDER_NOTIONAL),
        symbol_notional=_amount(settings.TRADER_MAX_SYMBOL_NOTIONAL),
        total_notional=_amount(settings.TRADER_MAX_TOTAL_NOTIONAL),
        target_costs=to_decimal(min_target_costs(settings, mode)),
        risk_fraction=to_decimal(settings.TRADER_RISK_FRACTION),
        strategies_off=tuple(name for name, each in settings.STRATEGIES.items() if _is_off(each)),
    )


def _is_off(strategy: Any) -> bool:
    """Whether a strategy's settings turn it off. What is wrong in them turns nothing off: ARES goes on, too."""
    if not isinstance(strategy, Mapping) or "enabled" not in strategy:
        return False
    try:
        return not StrategySettings(enabled=strategy["enabled"]).enabled
    except ValidationError:
        return False


def _amount(setting: float | None) -> Decimal | None:
    return None if setting is None else to_decimal(setting)
