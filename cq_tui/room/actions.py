"""What the keys do to the stack: ask first, name what stands in the way, then act and tell."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import EffectiveMode, effective_mode
from cq_tui.contracts.settings import Settings
from cq_tui.room.keys import RoomAction
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer, notice_dialog
from cq_tui.room.stack import RequestRefused, Stack
from cq_tui.room.state import RoomState
from cq_tui.store.data_directory import DataDirError
from cq_tui.store.settings_file import SettingsError

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

ShowDialog = Callable[[Dialog], Awaitable[str | None]]
Notify = Callable[[str, "SeverityLevel"], None]

_STOP_CONSEQUENCES: dict[str, str] = {
    "exchange": "Prices and orders of the simulated exchange stop; its ledger is kept.",
    "memory": "Nothing is remembered until it runs again; spools keep what happens meanwhile. No new risk is taken.",
    "feeder": "Prices stop. ARES and the trader block until it runs again.",
    "ares": "No new signals. Open positions keep their protection.",
    "trader": "No orders and no new protection. Protective orders already at the exchange stay there.",
}


class RoomActions:
    """The actions of the room. ``show_dialog`` returns the answer, ``notify`` shows a toast.

    What writes files runs in a thread, and is imported there: the room opens without it.
    """

    def __init__(
        self,
        data: DataDir,
        state: RoomState,
        stack: Stack,
        show_dialog: ShowDialog,
        notify: Notify,
        copy: Callable[[str], None],
    ) -> None:
        self._data = data
        self._state = state
        self._stack = stack
        self._show_dialog = show_dialog
        self._notify = notify
        self._copy = copy
        self._actions: dict[RoomAction, Callable[[], Coroutine[Any, Any, None]]] = {
            RoomAction.TOGGLE_TESTNET: self.toggle_testnet,
            RoomAction.TOGGLE_GUARDRAILS: self.toggle_guardrails,
            RoomAction.TOGGLE_HALT: self.toggle_halt,
            RoomAction.BUNDLE: self.bundle,
        }
        self._service_actions: dict[RoomAction, Callable[[str], Coroutine[Any, Any, None]]] = {
            RoomAction.START: self.start,
            RoomAction.STOP: self.stop,
            RoomAction.RESTART: self.restart,
        }

    def perform(self, action: RoomAction, service: str | None) -> Coroutine[Any, Any, None]:
        """Return the coroutine that performs an action, on one service where the action needs one."""
        return self._actions[action]() if service is None else self._service_actions[action](service)

    async def toggle_testnet(self) -> None:
        """Write BINANCE_USE_TESTNET; offer to leave simulation while its flag holds."""
        key, settings = "BINANCE_USE_TESTNET", self._state.settings
        if await self._is_held_by_environment(key):
            return
        wanted = not settings.BINANCE_USE_TESTNET
        toggled = settings.model_copy(update={key: wanted})
        left = settings.model_copy(update={key: True, "SIMULATION_MODE": False, "PAPER_MODE": False})
        before, after = self._state.mode, effective_mode(toggled)
        obstacles = await asyncio.to_thread(_mode_change_obstacles, self._data)
        if after.mode != before.mode and obstacles:
            await self._show_obstacles(f"The mode cannot change from {before.mode} to {after.mode} now", obstacles)
            return
        reasons = [
            f"{key} becomes {str(wanted).lower()}.",
            f"Mode now: {_describe_mode(before)}",
            f"Then: {_describe_mode(after)}",
        ]
        answers = [NO, DialogAnswer("write", "yes, write it", "y", danger=after.mode in ("testnet", "live"))]
        if settings.SIMULATION_MODE:
            reasons += ["", *self._simulation_reasons(left, obstacles)]
            if not obstacles and not self._state.loaded_settings.is_overridden_by_environment("SIMULATION_MODE"):
                answers.append(
                    DialogAnswer("leave", f"leave simulation for {effective_mode(left).mode}", "l", danger=True)
                )
        answer = await self._show_dialog(Dialog(_mode_question(before, after), reasons, answers, before.mode))
        if answer == "write":
            await self._write_settings({key: wanted})
        elif answer == "leave":
            changes = {name: getattr(left, name) for name in (key, "SIMULATION_MODE", "PAPER_MODE")}
            await self._write_settings(
                {name: value for name, value in changes.items() if getattr(settings, name) != value}
            )

    async def toggle_guardrails(self) -> None:
        """Write DISABLE_ORDER_GUARDRAILS."""
        key, mode = "DISABLE_ORDER_GUARDRAILS", self._state.mode.mode
        if await self._is_held_by_environment(key):
            return
        off = not getattr(self._state.settings, key)
        if off:
            question = "Orders will skip the soft guardrails: cooldown, duplicate signals, limits."
            reasons = [f"{key} becomes true.", "Freshness, balance and exchange filters still hold."]
            if mode == "live":
                reasons.append("In live mode the guardrails stay on whatever this says.")
        else:
            question = "Every order passes the guardrails again."
            reasons = [f"{key} becomes false."]
        answer = DialogAnswer("write", "yes, switch them off" if off else "yes, switch them on", "y", danger=off)
        if await self._show_dialog(Dialog(question, reasons, [NO, answer], mode, danger=off)) == "write":
            await self._write_settings({key: off})

    async def toggle_halt(self) -> None:
        """Write TRADING_STATE: halted, or active again."""
        trading = self._state.settings.TRADING_STATE
        if trading == "active":
            question = "No new order will be placed, except to protect what is open."
            answer = DialogAnswer("write", "yes, halt", "y")
        else:
            question = f"Trading is {trading}. Signals will become orders again."
            answer = DialogAnswer("write", "yes, trade again", "y", danger=True)
        wanted = "halted" if trading == "active" else "active"
        reasons = [f"TRADING_STATE becomes {wanted}."]
        if await self._show_dialog(Dialog(question, reasons, [NO, answer], self._state.mode.mode)) == "write":
            await self._write_settings({"TRADING_STATE": wanted})

    async def bundle(self) -> None:
        """Write a debug bundle; show its path and copy it."""
        try:
            path = await asyncio.to_thread(_export_bundle, self._data)
        except (OSError, SettingsError) as error:
            reason = (error.strerror or error) if isinstance(error, OSError) else error
            self._notify(f"no bundle could be written: {reason}", "error")
            return
        self._copy(str(path))
        self._notify(f"debug bundle, path copied: {path}", "information")

    async def start(self, service: str) -> None:
        """Start a service: nothing is lost by it, so nobody is asked."""
        await self._run_request(self._stack.start(service))

    async def stop(self, service: str) -> None:
        """Stop a service, after asking."""
        answers = [NO, DialogAnswer("stop", f"yes, stop {service}", "y", danger=True)]
        reasons = [_STOP_CONSEQUENCES.get(service, ""), "It stays stopped until it is started again."]
        if await self._show_dialog(Dialog(f"Stop {service}?", reasons, answers, self._state.mode.mode)) == "stop":
            await self._run_request(self._stack.stop(service))

    async def restart(self, service: str) -> None:
        """Restart a service, after asking."""
        answers = [NO, DialogAnswer("restart", f"yes, restart {service}", "y")]
        reasons = [_STOP_CONSEQUENCES.get(service, ""), "It is started again at once."]
        if await self._show_dialog(Dialog(f"Restart {service}?", reasons, answers, self._state.mode.mode)) == "restart":
            await self._run_request(self._stack.restart(service))

    async def _run_request(self, request: Awaitable[str]) -> None:
        try:
            self._notify(await request, "information")
        except (RequestRefused, OSError) as error:
            self._notify(str(error), "error")

    async def _is_held_by_environment(self, key: str) -> bool:
        """Tell, when the environment holds a key, that writing the file would change nothing."""
        if not self._state.loaded_settings.is_overridden_by_environment(key):
            return False
        value = str(getattr(self._state.settings, key)).lower()
        reasons = [f"The environment sets {key} = {value}; it wins over ssot/env.json.", "Unset it and start again."]
        await self._show_dialog(notice_dialog(f"{key} is held by the environment", reasons, self._state.mode.mode))
        return True

    async def _show_obstacles(self, title: str, reasons: list[str]) -> None:
        shown = [*reasons[:12], *([f"and {len(reasons) - 12} more"] if len(reasons) > 12 else [])]
        remedy = ["", "Close them first: halt with H, then flatten, or wait until they end."]
        await self._show_dialog(
            notice_dialog(title, [f"· {reason}" for reason in shown] + remedy, self._state.mode.mode)
        )

    async def _write_settings(self, changes: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(_set_settings, self._data, changes)
        except (SettingsError, DataDirError) as error:
            await self._show_dialog(notice_dialog("The setting was not changed", [str(error)], self._state.mode.mode))
            return
        said = ", ".join(f"{key} is now {str(value).lower()}" for key, value in changes.items())
        self._notify(said, "information")

    def _simulation_reasons(self, left: Settings, obstacles: list[str]) -> list[str]:
        if self._state.loaded_settings.is_overridden_by_environment("SIMULATION_MODE"):
            return ["SIMULATION_MODE is true in the environment, so it stays simulation until that is unset."]
        lines = ["SIMULATION_MODE is true, so it stays simulation unless you leave it."]
        if obstacles:
            return [*lines, "It cannot be left now:", *(f"· {obstacle}" for obstacle in obstacles[:8])]
        return [*lines, f"Leaving leads to: {_describe_mode(effective_mode(left))}"]


def _set_settings(data: DataDir, changes: Mapping[str, Any]) -> None:
    from cq_tui.ops.settings import set_settings

    set_settings(data, changes, "room")


def _mode_change_obstacles(data: DataDir) -> list[str]:
    from cq_tui.ops.settings import mode_change_obstacles

    return mode_change_obstacles(data)


def _export_bundle(data: DataDir) -> Path:
    from cq_tui.ops.bundle import export_bundle

    return export_bundle(data)


def _describe_mode(mode: EffectiveMode) -> str:
    blocked = f" · {mode.blocked}: no orders until then" if mode.blocked else ""
    return f"{mode.mode.upper()} ({'; '.join(mode.reasons)}){blocked}"


def _mode_question(before: EffectiveMode, after: EffectiveMode) -> str:
    if after.mode == before.mode:
        return f"The setting changes, the mode stays {before.mode.upper()}."
    where = {
        "simulation": "the simulated exchange, with generated prices",
        "paper": "the simulated exchange, with Binance's real prices",
        "testnet": "the Binance Spot testnet",
        "live": "Binance, with REAL MONEY",
    }
    return f"Orders will go to {where[after.mode]} from now on."
