"""Whether the services follow the settings to another account, and which mode is shown: tables."""

import itertools
from typing import get_args

import pytest

from cq_tui.contracts.mode import (
    ACCOUNT_KEYS,
    MODES,
    EffectiveMode,
    Mode,
    effective_mode,
    fed_intervals,
    refuse_switch,
    settings_for,
    shown_mode,
)
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS, Settings

KEYS = "needs keys"
FAULT = "needs another address"
DENIED = "live, but no consent"
#: What the settings ask for: a mode, why it cannot be, and what is refused in each mode (all others: nothing).
REFUSED: dict[tuple[Mode, str | None], dict[Mode, str | None]] = {
    ("simulation", None): {},
    ("paper", None): {},
    ("testnet", None): {},
    ("live", None): {},
    # Keys that are taken away in the same mode are no switch: nothing goes out any more.
    ("testnet", KEYS): {"simulation": KEYS, "paper": KEYS, "live": KEYS},
    ("live", KEYS): {"simulation": KEYS, "paper": KEYS, "testnet": KEYS},
    # Another address in the same mode is another account.
    ("paper", FAULT): {"simulation": FAULT, "paper": FAULT, "testnet": FAULT, "live": FAULT},
    ("testnet", FAULT): {"simulation": FAULT, "paper": FAULT, "testnet": FAULT, "live": FAULT},
    ("live", FAULT): {"simulation": FAULT, "paper": FAULT, "testnet": FAULT, "live": FAULT},
    # Live that is not granted is paper, which is the simulated exchange: from another account nobody goes there.
    ("paper", DENIED): {"testnet": DENIED, "live": DENIED},
}


@pytest.mark.parametrize(("asked", "current"), list(itertools.product(REFUSED, [None, *MODES])))
def test_a_switch_is_refused_or_not(asked: tuple[Mode, str | None], current: Mode | None) -> None:
    mode, why = asked
    requested = EffectiveMode(
        mode, ("because",), blocked=why if why == KEYS else None, not_granted=why if why == DENIED else None
    )
    refused = refuse_switch(requested, current, why if why in (FAULT, KEYS) else None)
    assert refused == (None if current is None else REFUSED[asked].get(current))


FLAGS = ("BINANCE_USE_TESTNET", "SIMULATION_MODE", "PAPER_MODE", "LIVE_TRADING_ENABLED", "DISABLE_ORDER_GUARDRAILS")


@pytest.mark.parametrize("mode", MODES)
def test_what_a_mode_takes_leads_to_it_from_everywhere_and_nothing_in_it_is_useless(mode: Mode) -> None:
    for asked, *flags in itertools.product(MODES, *[[False, True]] * len(FLAGS)):
        settings = Settings.model_validate({"TRADING_MODE": asked, **dict(zip(FLAGS, flags, strict=True))})
        takes = settings_for(mode, settings)
        after = effective_mode(settings.model_copy(update=takes))
        assert (after.mode, after.not_granted) == (mode, None)
        assert all(getattr(settings, key) != value for key, value in takes.items())
        if effective_mode(settings).mode == mode != "live" and not effective_mode(settings).not_granted:
            assert all(key == "TRADING_MODE" or value is False for key, value in takes.items())
        if mode != "live":
            assert not {"LIVE_TRADING_ENABLED", "DISABLE_ORDER_GUARDRAILS"} & takes.keys()


def test_from_the_defaults_one_flag_leads_to_the_testnet() -> None:
    assert settings_for("testnet", Settings()) == {"SIMULATION_MODE": False}
    assert settings_for("simulation", Settings()) == {}


def test_no_switch_is_refused_in_a_new_directory() -> None:
    assert {refuse_switch(EffectiveMode(mode, (), blocked=KEYS), None, FAULT) for mode in MODES} == {None}


def test_what_is_open_is_named_and_left_for_no_other_mode() -> None:
    asked = EffectiveMode("testnet", ())
    assert refuse_switch(asked, "live", FAULT, ["A"]) == FAULT, "what must be corrected first"
    assert refuse_switch(asked, "live", None, ["A", "B"]) == "testnet waits until nothing is open in live (A; B)"
    many = refuse_switch(asked, "live", None, [f"S{number}" for number in range(14)]) or ""
    assert many.endswith("S11; 2 more)")


def test_in_the_same_mode_other_keys_wait_until_it_is_known_whose_they_are() -> None:
    asked = EffectiveMode("testnet", ())
    assert refuse_switch(asked, "testnet") is None
    assert refuse_switch(EffectiveMode("testnet", (), blocked=KEYS), "testnet", None, ["A"]) is None
    assert refuse_switch(asked, "testnet", FAULT, ["A"]) == FAULT
    assert "until the exchange says whose account it leads to" in (refuse_switch(asked, "testnet", None, ["A"]) or "")
    unidentified = refuse_switch(asked, "testnet", None, ["A"], None, "Invalid API-key") or ""
    assert "leads to, which it does not: Invalid API-key (open here: A)" in unidentified
    other = refuse_switch(asked, "testnet", None, ["A"], "testnet:2")
    assert other == "the new key or address leads to testnet:2, which waits until nothing is open here (A)"


def test_live_that_is_not_granted_says_so() -> None:
    asked = {"TRADING_MODE": "live", "SIMULATION_MODE": False, "BINANCE_USE_TESTNET": False}
    found = effective_mode(Settings.model_validate(asked))
    assert (found.mode, found.not_granted) == ("paper", "TRADING_MODE is live, but LIVE_TRADING_ENABLED is false")
    assert effective_mode(Settings(PAPER_MODE=True)).not_granted is None


def test_what_chooses_the_account_are_settings_with_all_secrets() -> None:
    assert set(ACCOUNT_KEYS) <= set(SETTING_KEYS)
    assert set(ACCOUNT_KEYS) > SECRET_KEYS
    assert get_args(Mode) == MODES


OWN = EffectiveMode("simulation", ("SIMULATION_MODE is true",))
SHOWN: list[tuple[dict[str, str | None], Mode, tuple[str, ...]]] = [
    ({}, "simulation", OWN.reasons),
    ({"trader": None, "memory": None}, "simulation", OWN.reasons),
    ({"trader": "a later mode"}, "simulation", OWN.reasons),
    ({"trader": "simulation", "memory": None}, "simulation", OWN.reasons),
    (
        {"trader": "testnet", "memory": "testnet"},
        "testnet",
        ("services: testnet", "settings: simulation, SIMULATION_MODE is true"),
    ),
    (
        {"trader": "live", "memory": "simulation"},
        "live",
        ("trader: live", "memory: simulation", "settings: simulation, SIMULATION_MODE is true"),
    ),
    (
        {"trader": None, "memory": "paper"},
        "paper",
        ("services: paper", "settings: simulation, SIMULATION_MODE is true"),
    ),
]


@pytest.mark.parametrize(("services", "mode", "reasons"), SHOWN)
def test_the_mode_shown_is_that_of_the_services(
    services: dict[str, str | None], mode: Mode, reasons: tuple[str, ...]
) -> None:
    assert (shown_mode(OWN, services).mode, shown_mode(OWN, services).reasons) == (mode, reasons)


def test_klines_are_fed_of_the_base_interval_and_of_those_that_strategies_ask_for() -> None:
    strategies = {"a": {"interval": "15m"}, "b": {"interval": "7m"}, "c": {"interval": "5m"}, "d": 5, "e": {}}
    settings = Settings.model_validate({"STRATEGIES": strategies | {"f": {"interval": []}, "g": {"interval": "15m"}}})
    assert fed_intervals(settings, "paper", {}) == ("5m", "15m")
    assert fed_intervals(settings, "simulation", {}) == ("1s", "15m", "5m")
    good = {"a": {"interval": "1h"}, "b": {"interval": "2h"}, "d": {"interval": "4h"}, "e": {"interval": "6h"}}
    assert fed_intervals(settings, "paper", good) == ("5m", "15m", "2h", "4h"), "in place of wrong ones alone"
    assert fed_intervals(settings, "paper", {}, ["1m", "15m"]) == ("5m", "15m", "1m"), "and those that stops trail by"
