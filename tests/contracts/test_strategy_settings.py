"""Settings of strategies: dotted keys, the environment's names, and what is wrong apart from parameters."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.settings import Settings
from cq_tui.contracts.strategy_rules import switch_faults
from cq_tui.contracts.strategy_settings import (
    flattened,
    held_in_environment,
    is_secret_parameter,
    split_strategy_key,
    strategy_key,
    with_value,
    with_values,
    without_secret_parameters,
)

NAMES = st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True)
JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
OBJECTS = st.dictionaries(NAMES, st.dictionaries(NAMES, JSON_VALUES, min_size=1, max_size=4), max_size=4)


@given(OBJECTS)
def test_the_object_and_its_dotted_keys_say_the_same(strategies: dict[str, Any]) -> None:
    flat = flattened({"STRATEGIES": strategies, "LOG_LEVEL": "INFO"})
    assert len(flat) == 1 + sum(map(len, strategies.values()))
    put = {key: value for key, value in flat.items() if value is not None}
    kept = {
        name: {key: each for key, each in values.items() if each is not None} for name, values in strategies.items()
    }
    assert with_values({}, put).get("STRATEGIES", {}) == {name: values for name, values in kept.items() if values}


def test_one_value_is_put_in_or_taken_out_and_the_others_stay() -> None:
    values = {"LOG_LEVEL": "INFO", "STRATEGIES": {"a": {"x": 1, "y": 2}, "b": {"x": 3}}}
    assert with_value(values, "STRATEGIES.a.x", 5)["STRATEGIES"] == {"a": {"x": 5, "y": 2}, "b": {"x": 3}}
    assert with_value(values, "STRATEGIES.a.x", None)["STRATEGIES"] == {"a": {"y": 2}, "b": {"x": 3}}
    assert with_value(values, "STRATEGIES.b.x", None)["STRATEGIES"] == {"a": {"x": 1, "y": 2}}
    assert with_value({}, "STRATEGIES.c.x", False) == {"STRATEGIES": {"c": {"x": False}}}
    assert values["STRATEGIES"] == {"a": {"x": 1, "y": 2}, "b": {"x": 3}}


def test_a_dotted_key_names_strategy_and_parameter() -> None:
    assert split_strategy_key(strategy_key("my.own", "adx")) == ("my.own", "adx")
    for other in ("STRATEGIES", "STRATEGIES.", "STRATEGIES.a", "STRATEGIES.a.", "STRATEGIES..x", "SYMBOLS.a.b"):
        assert split_strategy_key(other) is None, other


def test_the_environment_names_them_with_two_underscores() -> None:
    held = held_in_environment(
        {
            "STRATEGIES__TREND_MULTI_TF__ADX_ARM": "30",
            "STRATEGIES__A__B__X": "1\udcff",
            "STRATEGIES": "{}",
            "STRATEGIES__": "1",
            "STRATEGIES__A": "1",
            "PATH": "/bin",
        }
    )
    assert held == {"STRATEGIES.trend_multi_tf.adx_arm": "30", "STRATEGIES.a__b.x": "1?"}


def test_a_parameter_named_like_a_secret_is_one() -> None:
    values = {"STRATEGIES": {"a": {"api_key": "s3", "period": 3}, "b": {"Token": "s3"}}}
    assert is_secret_parameter("STRATEGIES.a.api_key")
    assert not is_secret_parameter("STRATEGIES.token.period")
    assert without_secret_parameters(values) == {"STRATEGIES": {"a": {"period": 3}}}


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES | OBJECTS, max_size=3))
def test_whatever_is_in_the_object_the_settings_keep_it(strategies: dict[str, Any]) -> None:
    assert strategies == Settings.model_validate({"STRATEGIES": strategies}).STRATEGIES
    for name, values in strategies.items():
        assert set(switch_faults(name, values)) <= {*flattened({"STRATEGIES": {name: values}}), f"STRATEGIES.{name}"}


def test_as_text_the_object_is_json() -> None:
    assert Settings.model_validate({"STRATEGIES": '{"a": {"enabled": false}}'}).STRATEGIES == {"a": {"enabled": False}}
    for text in ("", "{", "[]", "5", "[" * 100_000):
        with pytest.raises(ValueError, match="STRATEGIES"):
            Settings.model_validate({"STRATEGIES": text})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"enabled": "perhaps"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"symbols": ["BTC USDT"]}, "symbols"),
        ({"symbols": []}, "symbols"),
        ({"interval": "7m"}, "interval"),
    ],
)
def test_each_wrong_switch_is_named_with_its_value(values: dict[str, Any], key: str) -> None:
    good = {"enabled": True, "symbols": "BTCUSDT,ETHUSDT", "interval": "5m", "adx_arm": "anything"}
    faults = switch_faults("trend_multi_tf", good | values)
    assert list(faults) == [f"STRATEGIES.trend_multi_tf.{key}"]
    assert repr(values[key]) in faults[f"STRATEGIES.trend_multi_tf.{key}"]
    assert not switch_faults("trend_multi_tf", good)


def test_what_is_no_object_is_named() -> None:
    assert switch_faults("a", False) == {"STRATEGIES.a": "STRATEGIES.a is False: must be an object"}
