"""The settings of another installation: which of them are taken over, and which are not, each with its reason.

Nothing that would send orders for real money, or lift a guardrail, is taken over silently: it is named, with the
command that sets it.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from cq_tui.contracts.mode import ACCOUNT_KEYS, MODE_KEYS, effective_mode
from cq_tui.contracts.settings import SETTING_KEYS, Settings
from cq_tui.store.document import DocumentError, describe_validation_error, read_content

#: Our name of a setting that R11 calls otherwise.
RENAMED: Mapping[str, str] = {
    "ORDER_COOLDOWN": "TRADER_ORDER_COOLDOWN",
    "SYMBOL": "SYMBOLS",
    "KLINE_INTERVAL": "ARES_BASE_INTERVAL",
}
#: Values of the template that stand for a value.
_PLACEHOLDER = re.compile(r".*(your[_ -]|_here|placeholder|change_?me|example|dummy|xxxx|<.*>).*", re.IGNORECASE)
_SECRETS = ("BINANCE_API_KEY", "BINANCE_API_SECRET")
#: Switches whose true lifts a guardrail.
_GUARDRAILS = ("DISABLE_ORDER_GUARDRAILS", "TEST_ALLOW_DEFAULT_SIGNAL")
#: No settings here, but what they say counts.
_DRY_RUN, _AUTOMATIC = "DRY_RUN", ("AUTO_TRADING_ENABLED", "AUTO_TRADING_ACTIVE")
_OTHERWISE_USED = (_DRY_RUN, *_AUTOMATIC)
_TRUE = ("true", "1", "yes", "on")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")

_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s)#")


class NotTaken(NamedTuple):
    """A setting that was not taken over."""

    name: str
    why: str
    #: What takes it over, if a person wants that.
    command: str | None = None


class TakenSettings(NamedTuple):
    """What becomes of the settings of another installation."""

    #: Values for ``ssot/env.json``; secrets included.
    values: dict[str, Any]
    not_taken: list[NotTaken]
    #: Names that are no setting here.
    unknown: list[str]
    #: What a person should know about them.
    notes: list[str]


def read_settings(path: Path) -> dict[str, Any]:
    """Return the values in a ``.env`` or JSON file. Raises DocumentError."""
    content = read_content(path, 1024 * 1024)
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(path, "is no text", "Set what it said with `cq-tui config set`") from None
    if path.suffix == ".json":
        return _read_json(path, text)
    return _read_lines(text)


def _read_json(path: Path, text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise DocumentError(path, "is no JSON", "Set what it said with `cq-tui config set`") from None
    return found if isinstance(found, dict) else {}


def _read_lines(text: str) -> dict[str, Any]:
    matches = map(_LINE.fullmatch, text.splitlines())
    return {match[1]: _unquoted(match[2].strip()) for match in matches if match}


def _unquoted(value: str) -> str:
    if quoted := _QUOTED.fullmatch(value):
        return quoted[2]
    return _COMMENT.split(value, maxsplit=1)[0].rstrip()


def take_settings(
    old: Mapping[str, Any], present: Mapping[str, Any], *, live: bool, in_use: bool = False
) -> TakenSettings:
    """Return what is taken over of ``old`` where the settings file already holds ``present``, which stays.

    ``live`` says whether any of the installation's settings ask for live trading, ``in_use`` whether the data directory
    has an account of its own, which then stays.
    """
    taken = TakenSettings({}, [], [], [])
    for name, value in old.items():
        key = RENAMED.get(name, name)
        if name in _OTHERWISE_USED:
            continue
        if key not in SETTING_KEYS:
            taken.unknown.append(name)
        elif key in present or key in taken.values:
            if not _is_same(key, present.get(key, taken.values.get(key)), value):
                taken.not_taken.append(NotTaken(name, f"{key} is set already, and stays"))
        elif reason := _refusal(key, value, live=live, in_use=in_use):
            command = None if reason == _NO_VALUE else _command(key, value)
            taken.not_taken.append(NotTaken(name, reason, command))
        else:
            _take(taken, name, key, value)
    if not in_use:
        _keep_from_trading(old, present, taken)
    return taken


_NO_VALUE = "stands for a value, and is none"
_IN_USE = "this data directory is in use: its mode and its account stay"
_LIVE = "the old settings ask for live trading: none that names a mode is taken over, and the mode is simulation"


def asks_for_live(old: Mapping[str, Any]) -> bool:
    """Whether settings would send orders for real money, or consent to it."""
    mode = str(old.get("TRADING_MODE", "")).strip().lower()
    return mode == "live" or _is_true(old.get("LIVE_TRADING_ENABLED"))


def _is_true(value: object) -> bool:
    return str(value).strip().lower() in _TRUE


def _refusal(key: str, value: object, *, live: bool, in_use: bool) -> str | None:
    if isinstance(value, str) and (not value.strip() or (key in _SECRETS and _PLACEHOLDER.fullmatch(value.strip()))):
        return _NO_VALUE
    if key in ACCOUNT_KEYS and in_use:
        return _IN_USE
    if key in MODE_KEYS and live:
        return _LIVE
    if key.endswith("_URL"):
        return "it says where orders go"
    if key in _GUARDRAILS and _is_true(value):
        return "it lifts a guardrail"
    return None


def _command(key: str, value: object) -> str:
    if key == "TRADING_MODE":
        return f"cq-tui mode {value}" if str(value) in ("live", "paper", "testnet", "simulation") else "cq-tui mode"
    if key in MODE_KEYS:
        return "cq-tui mode"
    # What stands before the host in an address may be a password.
    if key in _SECRETS or (key.endswith("_URL") and "@" in str(value)):
        return f"cq-tui config set {key}=-"
    return shlex.join(["cq-tui", "config", "set", f"{key}={value}"])


def _take(taken: TakenSettings, name: str, key: str, value: Any) -> None:
    try:
        checked = _checked(key, value)
    except ValidationError as error:
        why = describe_validation_error(error) if key not in _SECRETS else "is no key"
        taken.not_taken.append(NotTaken(name, why))
        return
    # As JSON holds it: a secret as its text, everything else as the model reads it.
    taken.values[key] = value.strip() if key in _SECRETS else checked


def _is_same(key: str, one: object, other: object) -> bool:
    try:
        return one == other or bool(_checked(key, one) == _checked(key, other))
    except ValidationError:
        return False


def _checked(key: str, value: Any) -> Any:
    """Return a value as the settings read it. Raises ValidationError."""
    given = value.strip() if isinstance(value, str) else value
    if key == "SYMBOLS" and isinstance(given, str):
        given = given.upper()
    return getattr(Settings.model_validate({key: given}), key)


def _keep_from_trading(old: Mapping[str, Any], present: Mapping[str, Any], taken: TakenSettings) -> None:
    """Take over that the old installation sent no orders, or did not trade by itself."""
    if "SIMULATION_MODE" not in present and _is_true(old.get(_DRY_RUN)):
        if taken.values.get("SIMULATION_MODE") is False:
            taken.notes.append("DRY_RUN is set: SIMULATION_MODE stays true, so that no order leaves this computer")
        taken.values["SIMULATION_MODE"] = True
    automatic = next((old[name] for name in _AUTOMATIC if name in old), None)
    if automatic is None or _is_true(automatic) or "TRADING_STATE" in present:
        return
    mode = effective_mode(Settings.model_validate({**present, **taken.values})).mode
    if mode != "simulation":
        taken.values["TRADING_STATE"] = "halted"
        taken.notes.append(
            f"the old installation did not trade by itself: in {mode}, trading stays halted until `cq-tui resume`"
        )
    else:
        taken.notes.append("cq-tui trades by itself, here in simulation; `cq-tui halt` stops it")
