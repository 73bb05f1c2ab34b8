"""Settings of a strategy: a wrong one keeps its last good value, is named, and voids no other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.strategies.choice import Choice, choose, parameters_digest
from cq_tui.strategies.trend_multi_tf import TrendParameters

NAME = "trend_multi_tf"
GOOD: dict[str, Any] = {"symbols": ["BTCUSDT"], "adx_arm": 30, "trail": True}


def chosen(given_settings: object, last_good: dict[str, Any] | None = None) -> Choice:
    return choose(NAME, TrendParameters, given_settings, last_good)


def test_without_settings_it_runs_on_all_symbols_with_its_defaults() -> None:
    assert chosen({}) == Choice()


def test_good_settings_hold_as_they_are_also_as_text_from_the_environment() -> None:
    choice = chosen({**GOOD, "interval": "5m", "enabled": "true", "adx_disarm": "21.5", "trail": "false"})
    assert (choice.enabled, choice.symbols, choice.interval, choice.faults) == (True, ("BTCUSDT",), "5m", ())
    parameters = TrendParameters(**choice.parameters)
    assert (parameters.adx_arm, parameters.adx_disarm, parameters.trail) == (30.0, 21.5, False)
    assert chosen({"symbols": "BTCUSDT, ETHUSDT"}).symbols == ("BTCUSDT", "ETHUSDT")
    assert not chosen({"enabled": "off"}).enabled


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"adx_arm": "much"}, "STRATEGIES.trend_multi_tf.adx_arm is 'much': Input should be a valid number"),
        ({"adx_arm": 101}, "adx_arm is 101: Input should be less than or equal to 100"),
        ({"adx_arm": float("nan")}, "adx_arm is nan"),
        ({"adx_arm": True}, "adx_arm is True: must not be true: this is no switch"),
        ({"adx_arm": None}, "adx_arm is None"),
        ({"adx_arm": [{}]}, "adx_arm is [{}]"),
    ],
)
def test_a_wrong_parameter_keeps_its_last_good_value_else_its_default(wrong: dict[str, Any], words: str) -> None:
    after, first = chosen({"trail": False, **wrong}, GOOD), chosen({"trail": False, **wrong})
    assert (after.parameters, first.parameters) == ({"trail": False, "adx_arm": 30}, {"trail": False})
    assert after.enabled
    assert first.enabled
    for choice in (after, first):
        (fault,) = choice.faults
        assert words in fault


def test_a_wrong_switch_keeps_its_last_good_value_and_of_one_never_seen_nothing_runs() -> None:
    for wrong in ({"enabled": "ture"}, {"symbols": "BTC USDT"}, {"interval": "7m"}):
        assert not chosen(wrong).enabled, "what was wanted cannot be told"
        assert chosen(wrong, {}).enabled, "it ran before, with its defaults"
        assert chosen(wrong).faults
    assert not chosen({"enabled": "ture"}, {"enabled": False}).enabled
    assert chosen({"symbols": []}, GOOD).symbols == ("BTCUSDT",)
    assert chosen({"interval": 5}, {"interval": "15m"}).interval == "15m"
    nothing = chosen(False, GOOD)
    assert (nothing.symbols, dict(nothing.parameters)) == (("BTCUSDT",), {"adx_arm": 30, "trail": True})
    assert not chosen(False).enabled


def test_a_rule_about_several_parameters_brings_all_last_good_ones_back() -> None:
    choice = chosen({"ema_fast": 300, "trail": False}, {"ema_fast": 10, "ema_middle": 40})
    assert choice.parameters == {"ema_fast": 10, "ema_middle": 40}
    assert choice.faults == ("STRATEGIES.trend_multi_tf: must be ema_fast < ema_middle < ema_slow",)
    assert chosen({"ema_fast": 300}).parameters == {}
    # 40 held beside 30; it does not beside the new 45.
    both = chosen({"ema_fast": 45, "ema_middle": "wide"}, {"ema_fast": 30, "ema_middle": 40})
    assert both.parameters == {"ema_fast": 30, "ema_middle": 40}
    assert len(both.faults) == 2


def test_an_unknown_parameter_is_named_with_the_one_that_is_like_it() -> None:
    choice = chosen({"adx_amr": 30, "enable": False, "zzz": 1, "trail": True})
    assert choice.parameters == {"trail": True}
    assert choice.faults == (
        "STRATEGIES.trend_multi_tf.adx_amr: trend_multi_tf has no such parameter, did you mean adx_arm?",
        "STRATEGIES.trend_multi_tf.enable: trend_multi_tf has no such parameter, did you mean enabled?",
        "STRATEGIES.trend_multi_tf.zzz: trend_multi_tf has no such parameter",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
KEYS = st.sampled_from([*TrendParameters.model_fields, "enabled", "symbols", "interval"]) | st.text(max_size=4)


@given(st.dictionaries(KEYS, JSON, max_size=5) | JSON, st.none() | st.dictionaries(KEYS, JSON, max_size=5))
def test_whatever_is_written_what_holds_is_valid_and_holds_again(given_settings: Any, last_good: Any) -> None:
    choice = chosen(given_settings, last_good)
    TrendParameters(**choice.parameters)
    assert chosen({**choice.good}, None).faults == ()
    assert chosen(given_settings, dict(choice.good)).parameters == choice.parameters, "looking again changes nothing"


def test_the_hash_is_of_all_parameters_not_of_how_they_were_set() -> None:
    default = parameters_digest(TrendParameters())
    assert default == parameters_digest(TrendParameters(adx_arm=25)) != parameters_digest(TrendParameters(adx_arm=26))
    assert default is not None
    assert len(default) == 16
    assert parameters_digest(None) is None
