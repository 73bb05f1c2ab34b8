"""docs/exchange.md names every action and field of a fault, with its default."""

import re
from pathlib import Path
from typing import get_args

from cq_tui.simulator.faults.fault_spec import Action, FaultSpec

PAGE = (Path(__file__).parents[3] / "docs/exchange.md").read_text()
DEFAULTS = {name: field.default for name, field in FaultSpec.model_fields.items()}


def test_every_action_and_field_is_documented() -> None:
    code = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert set(get_args(Action)) | set(FaultSpec.model_fields) <= code


def test_the_documented_defaults_are_those_of_the_fields() -> None:
    documented = dict(re.findall(r"`(\w+)` \(`?(-?\w+)`?\)", PAGE))
    for name in ("code", "delay_ms", "offset_ms", "status"):
        assert documented[name] == str(DEFAULTS[name])
