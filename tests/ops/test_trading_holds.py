"""What holds, and what may be asked for then: each cause is named, and nothing is offered that changes nothing."""

import pytest

from cq_tui.contracts.settings import Settings
from cq_tui.ops.trading_holds import possible_requests, what_holds
from cq_tui.store.settings_file import LoadedSettings, merge_settings
from cq_tui.store.trading_state import Stop


def loaded(in_file: str | None = None, held: str | None = None, stops: tuple[str, ...] = ()) -> LoadedSettings:
    environment = {"TRADING_STATE": held} if held else {}
    found = merge_settings(None if in_file is None else {"TRADING_STATE": in_file}, environment)
    return found.stopped_by(tuple(Stop(state) for state in stops))


@pytest.mark.parametrize(
    ("settings", "requests", "holds"),
    [
        (loaded(), ["halt", "reduce"], []),
        (loaded(stops=("halted",)), ["resume"], ["trading is halted by the file control/halted"]),
        (loaded(stops=("reducing",)), ["resume", "halt"], ["trading is reducing by the file control/reducing"]),
        (loaded("halted"), ["resume"], ["ssot/env.json sets TRADING_STATE = halted"]),
        (loaded("reducing"), ["resume", "halt"], ["ssot/env.json sets TRADING_STATE = reducing"]),
        (loaded("active", "reducing"), ["halt"], ["the environment sets TRADING_STATE = reducing"]),
        (loaded(held="halted"), [], ["the environment sets TRADING_STATE = halted"]),
        (
            loaded("reducing", "halted", ("reducing", "halted")),
            ["resume"],
            ["trading is reducing", "trading is halted", "the environment sets", "ssot/env.json sets"],
        ),
    ],
)
def test_each_cause_is_named_and_what_would_help_is_offered(
    settings: LoadedSettings, requests: list[str], holds: list[str]
) -> None:
    assert possible_requests(settings) == requests
    found = what_holds(settings)
    assert len(found) == len(holds)
    assert [hold for hold, start in zip(found, holds, strict=True) if not hold.startswith(start)] == []


def test_settings_that_cannot_be_used_are_not_resumed() -> None:
    broken = LoadedSettings(Settings(TRADING_STATE="reducing"), problem="ssot/env.json: a comma too many")
    assert possible_requests(broken) == ["halt"]
    assert what_holds(broken) == ["the settings: ssot/env.json: a comma too many"]
