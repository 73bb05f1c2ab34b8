"""The registry: built-in strategies, those of other packages, and plug-ins that fail to load."""

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from cq_tui.strategies.bars import Frame
from cq_tui.strategies.registry import ENTRY_POINT_GROUP, StrategyParametersInvalid, StrategyUnknown, load_strategies

PLUG_IN = """
from cq_tui.strategies.protocol import StrategyParameters


class Third:
    name = "third"
    Parameters = StrategyParameters
    warm_up = {}

    def __init__(self, symbol, base_interval_ms, parameters=None):
        self.parameters = parameters

    def on_bar(self, frame, bar):
        return None

    def reset(self, frame):
        pass

    def values(self):
        return {}


class Thief(Third):
    name = "trend_multi_tf"


class Person(Third):
    name = "manual"


class Half:
    name = "half"
"""


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EntryPoint]:
    """Entry points of another package, good and bad."""
    (tmp_path / "plug_in_of_another_package.py").write_text(PLUG_IN)
    (tmp_path / "plug_in_that_raises.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "plug_in_of_another_package", raising=False)
    targets = {
        "third": "plug_in_of_another_package:Third",
        "trend_multi_tf": "plug_in_of_another_package:Thief",
        "manual": "plug_in_of_another_package:Person",
        "half": "plug_in_of_another_package:Half",
        "misnamed": "plug_in_of_another_package:Third",
        "absent": "no_such_package_at_all:Strategy",
        "raising": "plug_in_that_raises:Strategy",
        "no_class": "plug_in_of_another_package:Nothing",
    }
    return {name: EntryPoint(name, target, ENTRY_POINT_GROUP) for name, target in targets.items()}


def test_the_built_in_strategies_are_there_without_any_entry_point() -> None:
    catalog = load_strategies([])
    assert list(catalog.classes) == ["trend_multi_tf", "bb_mean_revert_v2"]
    assert catalog.failures == ()


def test_the_installed_package_offers_its_own() -> None:
    if not (installed := entry_points(group=ENTRY_POINT_GROUP)):
        pytest.skip("the package is not installed")
    assert {"trend_multi_tf", "bb_mean_revert_v2"} <= installed.names
    catalog = load_strategies()
    assert {"trend_multi_tf", "bb_mean_revert_v2"} <= set(catalog.classes)
    for point in installed:
        assert catalog.classes[point.name] is point.load()


def test_another_package_adds_a_strategy(offer: dict[str, EntryPoint]) -> None:
    catalog = load_strategies([offer["third"]])
    assert list(catalog.classes) == ["trend_multi_tf", "bb_mean_revert_v2", "third"]
    assert catalog.make("third", "BTCUSDT", 1000).values() == {}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("trend_multi_tf", "the name 'trend_multi_tf' is taken"),
        ("manual", "the name 'manual' is taken"),
        ("half", "not a strategy class: Parameters, on_bar, reset, values is missing"),
        ("misnamed", "its strategy is named 'third', the entry point 'misnamed'"),
        ("absent", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("raising", "ZeroDivisionError: division by zero"),
        ("no_class", "AttributeError: module 'plug_in_of_another_package' has no attribute 'Nothing'"),
    ],
)
def test_a_failing_plug_in_is_named_and_the_others_continue(
    offer: dict[str, EntryPoint], name: str, reason: str
) -> None:
    catalog = load_strategies([offer[name], offer["third"]])
    assert set(catalog.classes) == {"trend_multi_tf", "bb_mean_revert_v2", "third"}
    (failure,) = catalog.failures
    assert failure.name == name
    assert failure.reason == reason
    assert name in str(failure)
    assert "fix or uninstall" in str(failure)


def test_a_strategy_is_made_with_settings() -> None:
    strategy = load_strategies([]).make("trend_multi_tf", "BTCUSDT", 60_000, {"ema_slow": 100})
    assert strategy.warm_up[Frame.TIDE] == 300


def test_wrong_settings_are_named() -> None:
    catalog = load_strategies([])
    with pytest.raises(StrategyParametersInvalid, match="parameters of trend_multi_tf: ema_slo: "):
        catalog.make("trend_multi_tf", "BTCUSDT", 60_000, {"ema_slo": 100})
    with pytest.raises(StrategyParametersInvalid, match=r"together: .*ema_fast < ema_middle"):
        catalog.make("trend_multi_tf", "BTCUSDT", 60_000, {"ema_slow": 10})


def test_an_unknown_strategy_is_named_with_those_there_are() -> None:
    with pytest.raises(StrategyUnknown, match="no strategy 'tren'; available: trend_multi_tf, bb_mean_revert_v2"):
        load_strategies([]).make("tren", "BTCUSDT", 60_000)
