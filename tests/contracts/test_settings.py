"""Settings: the contract's defaults, the rules of each key, and secrets that never show."""

import itertools
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.mode import MODES, base_interval, effective_mode, soft_guardrails_active
from cq_tui.contracts.settings import DEFAULT_SYMBOLS, SECRET_KEYS, SETTING_KEYS, Settings

EXAMPLE: dict[str, Any] = orjson.loads((Path(__file__).parent / "examples" / "settings.json").read_bytes())
CANARY = "canary-9f31"
FLAGS = (False, True)


def test_defaults_are_the_contracts_values_with_key_and_secret_unset() -> None:
    assert len(EXAMPLE) == 14
    assert tuple(EXAMPLE) == SETTING_KEYS[:14]
    defaults = Settings()
    for key, value in EXAMPLE.items():
        found = getattr(defaults, key)
        if key in SECRET_KEYS:
            assert found is None
        else:
            assert (type(found), found) == (type(value), value)
    assert defaults == Settings.model_validate(EXAMPLE)
    assert not Settings.model_validate(EXAMPLE).has_keys


@pytest.mark.parametrize("value", ["", "  ", "your_api_key_here", " your_api_secret_here "])
def test_placeholders_count_as_unset(value: str) -> None:
    settings = Settings.model_validate({"BINANCE_API_KEY": value, "BINANCE_API_SECRET": value})
    assert settings.BINANCE_API_KEY is None
    assert settings.BINANCE_API_SECRET is None


def test_both_key_and_secret_are_needed() -> None:
    for key, secret in itertools.product((None, CANARY), repeat=2):
        settings = Settings.model_validate({"BINANCE_API_KEY": key, "BINANCE_API_SECRET": secret})
        assert settings.has_keys == (key is not None and secret is not None)


def test_secrets_show_in_no_text_of_the_settings() -> None:
    settings = Settings.model_validate(dict.fromkeys(SECRET_KEYS, CANARY))
    texts = [repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json(), f"{settings}"]
    texts += [repr(vars(settings)), str(settings.model_dump(mode="json"))]
    assert not [text for text in texts if CANARY in text]
    assert settings.BINANCE_API_KEY is not None
    assert settings.BINANCE_API_KEY.get_secret_value() == CANARY


def expected_mode(flags: dict[str, Any], keys: bool) -> tuple[str, bool]:
    """The table of the modes, written from its rules: (mode, blocked)."""
    named = {flags["TRADING_MODE"]}
    if flags["SIMULATION_MODE"] or "simulation" in named:
        return "simulation", False
    if flags["PAPER_MODE"] or "paper" in named:
        return "paper", False
    if flags["BINANCE_USE_TESTNET"] or "testnet" in named:
        return "testnet", not keys
    if not flags["LIVE_TRADING_ENABLED"] or flags["DISABLE_ORDER_GUARDRAILS"]:
        return "paper", False
    return "live", not keys


def test_effective_mode_for_every_combination_of_flags() -> None:
    names = ("SIMULATION_MODE", "PAPER_MODE", "BINANCE_USE_TESTNET", "LIVE_TRADING_ENABLED", "DISABLE_ORDER_GUARDRAILS")
    tried: dict[str, int] = dict.fromkeys(MODES, 0)
    for trading_mode, keys, *values in itertools.product(MODES, FLAGS, *[FLAGS] * len(names)):
        flags: dict[str, Any] = {"TRADING_MODE": trading_mode, **dict(zip(names, values, strict=True))}
        secrets = dict.fromkeys(SECRET_KEYS, CANARY) if keys else {}
        settings = Settings.model_validate(flags | secrets)
        found = effective_mode(settings)
        assert (found.mode, found.blocked is not None) == expected_mode(flags, bool(keys)), flags
        assert found.reasons, "the reason is always said"
        assert CANARY not in repr(found)
        assert found.uses_simulator == (found.mode in ("simulation", "paper"))
        assert soft_guardrails_active(found.mode, disabled=flags["DISABLE_ORDER_GUARDRAILS"]) == (
            found.mode == "live" or not flags["DISABLE_ORDER_GUARDRAILS"]
        )
        tried[found.mode] += 1
    assert tried == {"simulation": 160, "paper": 70, "testnet": 24, "live": 2}


def test_live_that_lacks_consent_says_which() -> None:
    asked: dict[str, Any] = {"TRADING_MODE": "live", "SIMULATION_MODE": False, "BINANCE_USE_TESTNET": False}
    assert "LIVE_TRADING_ENABLED" in effective_mode(Settings.model_validate(asked)).reasons[0]
    careless = asked | {"LIVE_TRADING_ENABLED": True, "DISABLE_ORDER_GUARDRAILS": True}
    assert "guardrails" in effective_mode(Settings.model_validate(careless)).reasons[0]


def test_base_interval_follows_the_mode_unless_it_is_set() -> None:
    assert [base_interval(Settings(), mode) for mode in MODES] == ["1s", "5m", "5m", "5m"]
    assert {base_interval(Settings(ARES_BASE_INTERVAL="1m"), mode) for mode in MODES} == {"1m"}


WRONG: list[tuple[str, object]] = [
    ("BINANCE_USE_TESTNET", "perhaps"), ("BINANCE_USE_TESTNET", 2), ("TRADING_MODE", "LIVE"), ("TRADING_MODE", None),
    ("SIMULATION_MODE", None), ("SIMULATION_MODE", []), ("ARES_FRESHNESS_THRESHOLD", 0), ("LOG_LEVEL", "LOUD"),
    ("ARES_FRESHNESS_THRESHOLD", float("nan")), ("ARES_FRESHNESS_THRESHOLD", float("inf")), ("LOG_LEVEL", 10),
    ("FEEDER_HEARTBEAT_INTERVAL", 0.1), ("FEEDER_HEARTBEAT_INTERVAL", "soon"), ("TRADER_ORDER_COOLDOWN", -1),
    ("TRADING_STATE", "paused"), ("SYMBOLS", ""), ("SYMBOLS", []), ("SYMBOLS", "BTC USDT"), ("SYMBOLS", ["[red]"]),
    ("SYMBOLS", ["BTCUSDT\x1b[31m"]), ("SYMBOLS", 5), ("ARES_BASE_INTERVAL", "7m"), ("TRADER_ORDER_QUOTE", 0),
    ("SYMBOLS", ["BTCUSDT\n"]), ("SYMBOLS", ["A\u202eBTC"]), ("SYMBOLS", ["A\u3000B"]), ("SYMBOLS", ["../BTC"]),
    ("TRADER_MAX_POSITIONS", 1.5), ("TRADER_MAX_EXPOSURE", 1.01), ("SIMULATOR_PORT", 65536),
    ("MEMORY_SNAPSHOTS_KEPT", 0), ("SIMULATOR_SEED", -1), ("BINANCE_API_KEY", 5), ("BINANCE_API_SECRET", {}),
    ("TRADER_QUOTE", ""), ("TRADER_QUOTE", "usdt"), ("TRADER_QUOTE", "US DT"), ("TRADER_QUOTE", None),
    ("TRADER_SLIPPAGE_CAP", 0), ("TRADER_SLIPPAGE_CAP", 0.051), ("TRADER_SLIPPAGE_CAP", float("nan")),
    ("TRADER_MAX_PRICE_GAP", 0), ("TRADER_MAX_PRICE_GAP", 1.01), ("TRADER_MAX_PRICE_GAP", "near"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_values_against_their_rule_are_errors_that_name_the_key(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        Settings.model_validate({key: value})


@pytest.mark.parametrize("key", [key for key in SETTING_KEYS if not isinstance(getattr(Settings(), key), bool)])
def test_true_is_no_number(key: str) -> None:
    """As 1 it would be the whole account: a limit that is switched on would be lifted."""
    with pytest.raises(ValueError, match=key):
        Settings.model_validate({key: True})


def test_symbols_may_be_names_separated_by_commas() -> None:
    assert Settings.model_validate({"SYMBOLS": " BTCUSDT, ETHUSDT ,"}).SYMBOLS == ["BTCUSDT", "ETHUSDT"]
    assert Settings.model_validate({"SYMBOLS": ["ETHUSDT", "BTCUSDT", "ETHUSDT"]}).SYMBOLS == ["ETHUSDT", "BTCUSDT"]
    assert Settings.model_validate({"SYMBOLS": "币安人生USDT,BTCUSDT"}).SYMBOLS == ["币安人生USDT", "BTCUSDT"]
    assert list(DEFAULT_SYMBOLS) == Settings().SYMBOLS
    assert len(DEFAULT_SYMBOLS) == 14


@given(
    st.dictionaries(
        st.sampled_from(SETTING_KEYS) | st.text(max_size=8),
        st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text(max_size=3), max_size=2),
        max_size=6,
    )
)
def test_any_json_is_settings_or_a_validation_error(value: dict[str, Any]) -> None:
    try:
        settings = Settings.model_validate(value)
    except ValueError:
        return
    assert effective_mode(settings).mode in MODES
    for key in set(value) - set(SETTING_KEYS):
        assert (settings.model_extra or {})[key] is value[key]
