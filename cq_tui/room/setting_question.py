"""The forms that change a setting, and that take the keys of the testnet."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cq_tui.ops.formatting import sanitize
from cq_tui.ops.setting_table import SettingRow, judge_value
from cq_tui.room.open_now import open_lines
from cq_tui.room.screens.dialog import NO, DialogAnswer
from cq_tui.room.screens.form import FormDialog, FormField, FormVerdict
from cq_tui.store.settings_file import SettingsError

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

API_KEY, API_SECRET = "BINANCE_API_KEY", "BINANCE_API_SECRET"


def setting_question(state: "RoomState", row: SettingRow) -> FormDialog:
    """Return the form of one setting: type, range, origin, and what changes."""
    loaded = state.loaded_settings
    value = "" if row.is_secret or row.value == "unset" else row.value
    fields = [FormField("value", "value", value, f"empty: {row.default}", row.is_secret)]
    now = f"Now {row.value}" + ("." if row.origin == "default" else f", from {row.origin}.")
    reasons = [row.meaning, f"{row.kind}; default {row.default}. {now}", *open_lines(state)]

    def judge(values: Mapping[str, str]) -> FormVerdict:
        text = values["value"]
        try:
            follows = judge_value(loaded, row.key, text)
        except SettingsError as error:
            return FormVerdict(str(error).removeprefix("new value: ").removesuffix(". Fix it and try again") + ".")
        after = ("set" if text else "unset") if row.is_secret else text or row.default
        if after == row.value and not row.is_secret:
            return FormVerdict("Nothing changes yet.")
        change = f"{row.key}: {row.value} → {after}"
        return FormVerdict(preview=(change, *([follows] if follows else [])))

    answers = [NO, DialogAnswer("write", "yes, write it", "y")]
    return FormDialog(f"Change {sanitize(row.key, 60)}?", reasons, fields, answers, state.mode.mode, judge)


def keys_question(state: "RoomState", takes: Mapping[str, Any]) -> FormDialog:
    """Return the form for the testnet's keys; what is typed is never shown. ``takes``: what the mode changes, too."""
    fields = [
        FormField(API_KEY, "API key", "", "of testnet.binance.vision", is_secret=True),
        FormField(API_SECRET, "secret", "", "secret, or file:PATH of a private key", is_secret=True),
    ]
    changes = ", ".join(f"{name} = {str(value).lower()}" for name, value in takes.items())
    reasons = [
        "Orders go to the Binance Spot testnet: no real money.",
        f"Written into ssot/env.json, which only you can read: both keys{', ' + changes if changes else ''}.",
        *open_lines(state),
    ]

    def judge(values: Mapping[str, str]) -> FormVerdict:
        missing = [field.label for field in fields if not values[field.name]]
        return (
            FormVerdict(f"Still missing: {' and '.join(missing)}.")
            if missing
            else FormVerdict(preview=("Both are there.",))
        )

    answers = [NO, DialogAnswer("write", "yes, change to testnet", "y", danger=True)]
    return FormDialog("The keys of your testnet account", reasons, fields, answers, state.mode.mode, judge)
