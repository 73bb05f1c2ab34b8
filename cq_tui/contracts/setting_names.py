"""Names that are no setting: which one was probably meant."""

from collections.abc import Iterable

from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.contracts.strategy_settings import STRATEGIES, split_strategy_key

#: Characters of a name quoted in a message.
_MAX_QUOTED = 80
#: Share of equal characters from which on a name is taken for a slip.
_ALIKE = 0.7


def is_setting(name: str) -> bool:
    """Whether a name is that of a setting, or a dotted one of a strategy."""
    return name in SETTING_KEYS or split_strategy_key(name) is not None


def describe_unknown(name: str) -> str:
    """Return, in words, that a name in the file is no setting; with the one that is most like it, if there is one."""
    meant = _meant(name)
    return f"{_unknown(name)} does nothing" if meant is None else f"{_unknown(name)}: did you mean {meant}?"


def refuse_unknown(name: str) -> str:
    """Return why a name is refused where a setting is asked for, and what to do."""
    meant = _meant(name)
    hint = "." if meant is None else f": did you mean {meant}?"
    return f"{_unknown(name)}{hint} List all with `cq-tui config show`"


def _unknown(name: str) -> str:
    return f"unknown setting {name[:_MAX_QUOTED]}"


def _meant(name: str) -> str | None:
    # Imported for a slip only: the room paints its first frame without it.
    from difflib import get_close_matches

    asked = name[:_MAX_QUOTED].upper().replace("-", "_")
    return next(iter(get_close_matches(asked, SETTING_KEYS, 1, _ALIKE)), None)


def describe_unknown_strategy(name: str, installed: Iterable[str]) -> str:
    """Return, in words, that settings are of no strategy that is installed; with the one that is most like it."""
    from difflib import get_close_matches

    meant = next(iter(get_close_matches(name[:_MAX_QUOTED], list(installed), 1, _ALIKE)), None)
    hint = "" if meant is None else f", did you mean {meant}?"
    return f"{STRATEGIES}.{name[:_MAX_QUOTED]}: no strategy of this name is installed{hint}"
