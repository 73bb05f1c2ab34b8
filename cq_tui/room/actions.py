"""The actions behind the keys: confirm, name any obstacles, act, and report."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import EffectiveMode, Mode, effective_mode, refuse_switch
from cq_tui.room.controls import Controls, RequestRefused
from cq_tui.room.keys import RoomAction
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer, ShowDialog, notice_dialog
from cq_tui.room.stack import Stack
from cq_tui.room.state import RoomState
from cq_tui.store.data_directory import DataDirError
from cq_tui.store.settings_file import LoadedSettings, SettingChange, SettingsError
from cq_tui.store.trading_state import STOPPED

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from cq_tui.ops.mode import ModeOffer
    from cq_tui.ops.setting_table import SettingRow
    from cq_tui.room.trader_actions import TraderActions

Notify = Callable[[str, "SeverityLevel"], None]

#: Lines shown of an answer at most.
_MOST_LINES = 16
_STOP_CONSEQUENCES: dict[str, str] = {
    "exchange": "The simulated exchange stops; its ledger is kept.",
    "memory": "Events wait in the spools until memory runs again. No new entries until then.",
    "feeder": "Prices stop. ARES and the trader are blocked until the feeder runs again.",
    "ares": "No new signals. Open positions keep their protection.",
    "trader": "No new orders, not even protective ones. Those already at the exchange stay there.",
}


class RoomActions:
    """The room's actions. ``show_dialog`` returns the answer, ``notify`` shows a toast.

    Code that writes files runs in a thread and is imported there, so that the room opens without it.
    """

    def __init__(
        self,
        state: RoomState,
        stack: Stack,
        controls: Controls,
        show_dialog: ShowDialog,
        notify: Notify,
        copy: Callable[[str, str, str], None],
    ) -> None:
        self._state = state
        self._stack = stack
        self._controls = controls
        self._show_dialog = show_dialog
        self._notify = notify
        self._copy = copy
        self._actions: dict[RoomAction, Callable[[], Coroutine[Any, Any, None]]] = {
            RoomAction.TOGGLE_TESTNET: self.choose_mode,
            RoomAction.TOGGLE_GUARDRAILS: self.toggle_guardrails,
            RoomAction.TOGGLE_HALT: self.toggle_halt,
            RoomAction.FLATTEN: self.flatten,
            RoomAction.BUNDLE: self.bundle,
            RoomAction.ACCEPT: lambda: self._by_hand().accept(),
        }
        self._service_actions: dict[RoomAction, Callable[[str], Coroutine[Any, Any, None]]] = {
            RoomAction.CLOSE: self.close,
            RoomAction.SETTING: self.change_setting,
            RoomAction.RELEASE: lambda name: self._by_hand().release(name),
            RoomAction.LOCK: lambda name: self._by_hand().lock(name),
            RoomAction.ENTER: lambda name: self._by_hand().enter(name),
            RoomAction.START: self.start,
            RoomAction.STOP: self.stop,
            RoomAction.RESTART: self.restart,
        }

    def _by_hand(self) -> "TraderActions":
        from cq_tui.room.trader_actions import TraderActions

        return TraderActions(self._state, self._controls, self._show_dialog, self._notify)

    def perform(self, action: RoomAction, service: str | None) -> Coroutine[Any, Any, None]:
        """Return the coroutine that performs an action, on a service if the action needs one."""
        return self._actions[action]() if service is None else self._service_actions[action](service)

    async def choose_mode(self) -> None:
        """Offer every mode with what it takes and lacks, and change to the one that is chosen."""
        loaded, shown = self._state.loaded_settings, self._state.mode
        offers, is_open = await asyncio.to_thread(_mode_offers, self._state.data, loaded, shown.mode)
        from cq_tui.room.mode_question import mode_question, takes_keys

        answer = await self._show_dialog(mode_question(offers, is_open, shown))
        chosen = next((offer for offer in offers if offer.mode == answer), None)
        if chosen is None:
            return
        if takes_keys(chosen):
            await self._enter_keys(chosen)
        elif chosen.mode != "live" or await self._is_live_meant():
            await self._act_on_settings(self._controls.change_mode(chosen.mode))

    async def _enter_keys(self, offer: "ModeOffer") -> None:
        """Take the testnet's keys, and change the mode with them in one write."""
        from cq_tui.room.setting_question import keys_question

        question = keys_question(self._state, offer.takes)
        if await self._show_dialog(question) == "write":
            await self._act_on_settings(self._controls.change_settings({**offer.takes, **question.values}))

    async def change_setting(self, key: str) -> None:
        """Change one setting, after showing what changes."""
        row = await asyncio.to_thread(_setting_row, self._state, key)
        if row is None:
            self._notify(f"{key} is no setting any more", "warning")
            return
        from cq_tui.ops.setting_table import mode_after, value_to_write
        from cq_tui.room.setting_question import setting_question

        question = setting_question(self._state, row)
        if await self._show_dialog(question) != "write":
            return
        loaded, value = self._state.loaded_settings, value_to_write(key, question.values["value"])
        # Whatever leads to live takes the word, and every change in it, but what stops trading.
        is_stop = key == "TRADING_STATE" and value in STOPPED
        is_live = "live" in (self._state.mode.mode, mode_after(loaded, key, value))
        if is_stop or not is_live or await self._is_live_meant():
            await self._act_on_settings(self._controls.change_settings({key: value}))

    async def _is_live_meant(self) -> bool:
        from cq_tui.room.mode_question import live_question

        return await self._show_dialog(live_question(self._state.mode)) == "typed"

    async def toggle_guardrails(self) -> None:
        """Toggle DISABLE_ORDER_GUARDRAILS, which may leave or enter live mode."""
        key, settings, before = "DISABLE_ORDER_GUARDRAILS", self._state.loaded_settings.requested, self._state.mode
        off = not settings.DISABLE_ORDER_GUARDRAILS
        if off and before.mode == "live":
            reason = "Live mode requires the limits about appetite: how often, how much, which signals."
            await self._show_dialog(notice_dialog("The guardrails stay on", [reason], before.mode))
            return
        after = effective_mode(settings.model_copy(update={key: off}))
        if off:
            question = "Entries will skip the limits about appetite: how often, how much, which signals."
            reasons = [
                f"{key} becomes true.",
                "Correctness, loss, freshness, balance and exchange filters still count.",
            ]
        else:
            question = "Every order must pass the guardrails again."
            reasons = [f"{key} becomes false."]
        if after.mode != before.mode:
            # Live mode requires the guardrails: the toggle leaves or enters it.
            if await self._is_mode_change_refused(after):
                return
            question = _mode_question(before, after)
            reasons += [f"Mode now: {_describe_mode(before)}", f"After: {_describe_change(before, after)}"]
        from cq_tui.room.open_now import open_lines

        reasons += open_lines(self._state)
        danger = off or after.mode != before.mode
        answer = DialogAnswer("write", "yes, turn them off" if off else "yes, turn them on", "y", danger=danger)
        if await self._show_dialog(Dialog(question, reasons, [NO, answer], before.mode, danger=danger)) != "write":
            return
        if after.mode == before.mode or after.mode != "live" or await self._is_live_meant():
            await self._act_on_settings(self._controls.change_settings({key: off}))

    async def toggle_halt(self) -> None:
        """Halt, reduce or resume trading."""
        from cq_tui.room.screens.reasoned_dialog import ReasonedDialog
        from cq_tui.room.trading_question import trading_question

        question = trading_question(self._state)
        answer = await self._show_dialog(question)
        if answer == "resume" and self._state.mode.mode == "live" and not await self._is_live_meant():
            return
        if answer in ("halt", "reduce", "resume"):
            await self._change_trading(answer, question.why if isinstance(question, ReasonedDialog) else None)

    async def _change_trading(self, request: str, why: str | None) -> None:
        from cq_tui.ops.trading_state import StopFailed
        from cq_tui.store.reserve import describe_error

        try:
            change = await self._controls.change_trading(request, why)
        except (RequestRefused, StopFailed, OSError) as error:
            reason = describe_error(error) if isinstance(error, OSError) else str(error)
            await self._show_dialog(notice_dialog("Nothing was changed", [reason], self._state.mode.mode))
            return
        done = change.done[:1].upper() + change.done[1:]
        if change.problems:
            problems = [f"· {problem}" for problem in change.problems[:12]]
            await self._show_dialog(notice_dialog(done, problems, self._state.mode.mode))
        else:
            self._notify(done, "information")

    async def flatten(self) -> None:
        """Halt trading and sell everything, after asking."""
        from cq_tui.room.closing_questions import flatten_question

        question = flatten_question(self._state)
        if await self._show_dialog(question) == "flatten":
            await self._sell("flatten", None, question.why)

    async def close(self, symbol: str) -> None:
        """Close a position or cancel an entry that waits, after asking; which one, if none is given."""
        from cq_tui.room.choices import chosen_index
        from cq_tui.room.closing_questions import closable, close_question, which_question

        held = closable(self._state)
        if not held:
            self._notify("No position is open, and no entry waits", "information")
            return
        if symbol not in held:
            chosen = chosen_index(await self._show_dialog(which_question(self._state, held)))
            if chosen is None:
                return
            symbol = held[chosen]
        if symbol not in closable(self._state):
            self._notify(f"{symbol} is closed already", "information")
            return
        question = close_question(self._state, symbol)
        if await self._show_dialog(question) == "close":
            await self._sell("close", symbol, question.why)

    async def _sell(self, kind: str, symbol: str | None, why: str | None) -> None:
        self._notify("Selling…", "information")
        try:
            answer = await self._controls.close_positions(
                kind, symbol, lambda line: self._notify(line[:1].upper() + line[1:], "information"), why
            )
        except (RequestRefused, OSError) as error:
            await self._show_dialog(notice_dialog("Nothing was asked for", [str(error)], self._state.mode.mode))
            return
        lines = [_without_columns(line) for line in answer.lines]
        if answer.is_done and len(lines) <= 1:
            self._notify(lines[0] if lines else answer.message, "information")
            return
        title = "All is sold" if answer.is_done else answer.message[:1].upper() + answer.message[1:]
        await self._show_dialog(notice_dialog(title, lines[:_MOST_LINES], self._state.mode.mode))

    async def bundle(self) -> None:
        """Write a debug bundle and copy its path."""
        try:
            path = await self._controls.write_bundle()
        except (OSError, SettingsError) as error:
            reason = (error.strerror or error) if isinstance(error, OSError) else error
            self._notify(f"Cannot write the debug bundle: {reason}", "error")
            return
        self._copy(str(path), "its path", f"Debug bundle written: {path}.")

    async def start(self, service: str) -> None:
        """Start a service, without asking: nothing can be lost."""
        await self._run_request(self._stack.start(service))

    async def stop(self, service: str) -> None:
        """Stop a service, after asking."""
        answers = [NO, DialogAnswer("stop", f"yes, stop {service}", "y", danger=True)]
        reasons = [_STOP_CONSEQUENCES.get(service, ""), "It stays stopped until you start it again."]
        if await self._show_dialog(Dialog(f"Stop {service}?", reasons, answers, self._state.mode.mode)) == "stop":
            await self._run_request(self._stack.stop(service))

    async def restart(self, service: str) -> None:
        """Restart a service, after asking."""
        answers = [NO, DialogAnswer("restart", f"yes, restart {service}", "y")]
        reasons = [_STOP_CONSEQUENCES.get(service, ""), "It starts again at once."]
        if await self._show_dialog(Dialog(f"Restart {service}?", reasons, answers, self._state.mode.mode)) == "restart":
            await self._run_request(self._stack.restart(service))

    async def _run_request(self, request: Awaitable[str]) -> None:
        try:
            self._notify(await request, "information")
        except (RequestRefused, OSError) as error:
            self._notify(str(error), "error")

    async def _show_obstacles(self, before: Mode, after: Mode, reasons: list[str]) -> None:
        shown = [*reasons[:12], *([f"and {len(reasons) - 12} more"] if len(reasons) > 12 else [])]
        remedy = ["", "Close them first with F, or wait until they close."]
        await self._show_dialog(
            notice_dialog(
                f"Cannot change the mode from {before} to {after} now",
                [f"· {reason}" for reason in shown] + remedy,
                self._state.mode.mode,
            )
        )

    async def _is_mode_change_refused(self, after: EffectiveMode) -> bool:
        """Show what prevents a change to this mode, if anything."""
        before = self._state.mode
        if after.mode == before.mode or not (
            obstacles := await asyncio.to_thread(_mode_change_obstacles, self._state.data)
        ):
            return False
        await self._show_obstacles(before.mode, after.mode, obstacles)
        return True

    async def _act_on_settings(self, request: "Awaitable[tuple[SettingChange, ...]]") -> None:
        from cq_tui.ops.render import format_setting
        from cq_tui.ops.settings import ModeChangeRefused

        try:
            done = await request
        except ModeChangeRefused as error:
            # A position may have been opened while the question was shown.
            await self._show_obstacles(error.before, error.after, error.obstacles)
            return
        except (RequestRefused, SettingsError, DataDirError) as error:
            await self._show_dialog(notice_dialog("The setting was not changed", [str(error)], self._state.mode.mode))
            return
        text = ", ".join(f"{change.key} is now {format_setting(change.new_value)}" for change in done)
        self._notify(text or "Nothing changed", "information")


def _without_columns(line: str) -> str:
    """Return a line of a table, for which a dialog is too narrow, as a sentence."""
    symbol, *parts = (part.strip() for part in line.split("  ") if part.strip())
    return f"{symbol}: {', '.join(parts)}" if parts else symbol


def _setting_row(state: RoomState, key: str) -> "SettingRow | None":
    from cq_tui.ops.setting_table import setting_rows, strategy_rows

    loaded = state.loaded_settings
    rows = strategy_rows(state.data, loaded) if "." in key else setting_rows(loaded)
    return next((row for row in rows if row.key == key), None)


def _mode_offers(data: DataDir, loaded: LoadedSettings, mode: Mode) -> "tuple[tuple[ModeOffer, ...], list[str]]":
    from cq_tui.ops.mode import mode_offers

    return mode_offers(data, loaded, mode), _mode_change_obstacles(data)


def _mode_change_obstacles(data: DataDir) -> list[str]:
    from cq_tui.store.what_is_open import what_is_open

    return what_is_open(data)


def _describe_mode(mode: EffectiveMode) -> str:
    blocked = f" · {mode.blocked}: no orders until they are set" if mode.blocked else ""
    return f"{mode.mode.upper()} ({'; '.join(mode.reasons)}){blocked}"


def _describe_change(before: EffectiveMode, after: EffectiveMode) -> str:
    refused = refuse_switch(after, before.mode)
    return f"{before.mode.upper()}, reducing: {refused}" if refused else _describe_mode(after)


def _mode_question(before: EffectiveMode, after: EffectiveMode) -> str:
    if after.mode == before.mode:
        return f"The setting changes; the mode stays {before.mode.upper()}."
    if refuse_switch(after, before.mode):
        return f"The setting changes; the services stay in {before.mode.upper()} and only reduce."
    from cq_tui.room.mode_question import WHERE

    return f"Orders will go to {WHERE[after.mode]} from now on."
