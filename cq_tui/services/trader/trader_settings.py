"""The settings as the core decides by them: exact numbers. Pure."""

from cq_tui.contracts.mode import EffectiveMode, Mode
from cq_tui.contracts.numbers import to_decimal
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
        losses=LossLimits(
            daily=to_decimal(settings.TRADER_MAX_DAILY_LOSS),
            warn=to_decimal(settings.TRADER_DRAWDOWN_WARN),
            reduce=to_decimal(settings.TRADER_DRAWDOWN_REDUCE),
            halt=to_decimal(settings.TRADER_DRAWDOWN_HALT),
        ),
        exit_any_strategy=settings.TRADER_EXIT_ANY_STRATEGY,
        slippage_cap=to_decimal(settings.TRADER_SLIPPAGE_CAP),
        max_price_gap=to_decimal(settings.TRADER_MAX_PRICE_GAP),
    )
