"""Settings as the core is told of them."""

from cq_tui.contracts.mode import MODES, EffectiveMode
from cq_tui.contracts.settings import Settings
from cq_tui.services.trader.trader_settings import trader_settings
from cq_tui.store.settings_file import LoadedSettings
from cq_tui.store.trading_state import Stop
from cq_tui.trading.core.settings import TraderSettings
from tests.trading.core.desk import D


def test_each_setting_reaches_the_core() -> None:
    settings = Settings(
        SYMBOLS=["BTCUSDT", "ETHUSDT"], TRADER_QUOTE="USDT", TRADER_ORDER_QUOTE=12.5, TRADER_MAX_POSITIONS=2,
        TRADER_MAX_EXPOSURE=0.25, ARES_FRESHNESS_THRESHOLD=8.0, TRADER_ORDER_COOLDOWN=3.0, TRADER_QUARANTINE_FAILURES=4,
        TRADER_QUARANTINE_SECONDS=60.0, TRADER_SLIPPAGE_CAP=0.003, TRADER_MAX_PRICE_GAP=0.04, TRADING_STATE="reducing",
        DISABLE_ORDER_GUARDRAILS=True, TRADER_MIN_CONFIDENCE=0.3, TRADER_MAX_ORDERS_MINUTE=4, TRADER_MAX_ORDERS_DAY=5,
        TRADER_MAX_ORDER_NOTIONAL=6.5, TRADER_MAX_SYMBOL_NOTIONAL=7.5, TRADER_MAX_TOTAL_NOTIONAL=8.5,
        TRADER_MIN_TARGET_COSTS=1.5, TRADER_RISK_FRACTION=0.01,
        STRATEGIES={"a": {"enabled": False}, "b": {"enabled": True}, "c": {}, "d": {"enabled": "much"}, "e": 7},
    )  # fmt: skip
    loaded = LoadedSettings(settings, problem="env.json is damaged").stopped_by((Stop("reducing", note="lunch"),))
    assert trader_settings(loaded, EffectiveMode("paper", (), "no keys"), "paper") == TraderSettings(
        mode="paper", trading_state="reducing", stop_reason="by the file control/reducing: lunch",
        mode_blocked="no keys", settings_problem="env.json is damaged",
        guardrails_disabled=True, quote="USDT", symbols=("BTCUSDT", "ETHUSDT"), order_quote=D("12.5"), max_positions=2,
        max_exposure=D("0.25"), freshness=8.0, cooldown=3.0, quarantine_failures=4, quarantine_seconds=60.0,
        slippage_cap=D("0.003"), max_price_gap=D("0.04"), min_confidence=0.3, orders_minute=4, orders_day=5,
        order_notional=D("6.5"), symbol_notional=D("7.5"), total_notional=D("8.5"), target_costs=D("1.5"),
        risk_fraction=D("0.01"), strategies_off=("a",),
    )  # fmt: skip


def test_a_session_of_another_mode_than_the_one_in_force_opens_nothing() -> None:
    found = trader_settings(LoadedSettings(Settings()), EffectiveMode("live", ()), "paper")
    assert (found.mode, found.mode_blocked) == ("paper", "the mode changes to live")


def test_unset_a_target_has_to_bring_its_costs_once_in_simulation_and_twice_elsewhere() -> None:
    found = {mode: trader_settings(LoadedSettings(Settings()), EffectiveMode(mode, ()), mode) for mode in MODES}
    assert [one.target_costs for one in found.values()] == [1, 2, 2, 2]
    none = LoadedSettings(Settings(TRADER_MIN_TARGET_COSTS=0.0))
    assert trader_settings(none, EffectiveMode("live", ()), "live").target_costs == 0
    assert [one.order_notional for one in found.values()] == [None] * 4
