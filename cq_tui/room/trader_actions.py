"""What a person asks of trader, ARES and memory by hand: release, lock, enter, accept."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import sanitize
from cq_tui.room.choices import choice_question, chosen_index
from cq_tui.room.controls import Controls, RequestRefused
from cq_tui.room.mode_question import live_question
from cq_tui.room.screens.dialog import ShowDialog, notice_dialog
from cq_tui.room.screens.typed_dialog import TYPED
from cq_tui.room.state import RoomState
from cq_tui.room.trader_questions import (
    acceptance_question,
    entry_fields,
    entry_question,
    lock_end,
    lock_question,
    paused_names,
    release_question,
    release_requests,
)

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from cq_tui.contracts.layout import DataDir


class TraderActions:
    """Asks, sends, and reports what was answered."""

    def __init__(
        self,
        state: RoomState,
        controls: Controls,
        show_dialog: ShowDialog,
        notify: Callable[[str, "SeverityLevel"], None],
    ) -> None:
        self._state = state
        self._controls = controls
        self._show_dialog = show_dialog
        self._notify = notify

    async def release(self, name: str) -> None:
        """Let a symbol or strategy trade again, after asking; which one, if none is given."""
        names = paused_names(self._state)
        if not names:
            self._notify("Nothing is quarantined or locked", "information")
            return
        index = names.index(name) if name in names else await self._choose("Which one do you want to release?", names)
        if index is None:
            return
        chosen = names[index]
        question = release_question(self._state, chosen)
        if await self._show_dialog(question) != "release" or not await self._is_meant(opens=True):
            return
        for kind, arguments in release_requests(self._state, chosen, question.why):
            await self._send(kind, chosen, "trader", arguments)

    async def lock(self, name: str) -> None:
        """Keep a symbol or strategy from opening positions, after asking for how long and why."""
        question = lock_question(self._state, name)
        if await self._show_dialog(question) != "lock":
            return
        values = question.values
        end = lock_end(values["until"], time.time())
        until = {} if end is None else {"until": f"{end:.3f}"}
        await self._send("quarantine", values["name"], "trader", {"why": values["why"]} | until)

    async def enter(self, symbol: str) -> None:
        """Send a signal of the person's own, after asking for its levels."""
        question = entry_question(self._state, symbol)
        if await self._show_dialog(question) != "send":
            return
        if not await self._is_meant(opens=question.values["side"].upper() == "BUY"):
            return
        from cq_tui.ops.signals import SignalEnd, make_id

        fields = entry_fields(question.values, make_id())
        self._notify("Sent to ARES…", "information")
        try:
            answer = await self._controls.send_signal(fields, lambda line: self._notify(_capital(line), "information"))
        except (RequestRefused, OSError) as error:
            await self._tell("Nothing was sent", str(error))
            return
        if answer.end is SignalEnd.FOLLOWED:
            self._notify(_capital(answer.message), "information")
        else:
            recorded = "not followed" if answer.end is SignalEnd.NOT_FOLLOWED else "not recorded"
            await self._tell(f"The signal was {recorded}", _capital(answer.message))

    async def accept(self) -> None:
        """Accept a fault of the history or a doubt of the trader, after asking which and why."""
        faults = await asyncio.to_thread(_open_faults, self._controls.data)
        account = self._state.account
        doubts = {name: "; ".join(texts) for name, texts in ((account.doubts if account else None) or {}).items()}
        texts = faults | doubts
        if not texts:
            self._notify("Nothing waits for a person: no fault of the history, no doubt of the trader", "information")
            return
        [*names] = texts
        labels = [f"{name}: {text}" for name, text in texts.items()]
        index = await self._choose("Which one do you want to accept?", labels)
        if index is None:
            return
        name = names[index]
        question = acceptance_question(self._state, name, texts[name])
        if await self._show_dialog(question) != "accept":
            return
        why = question.values["why"]
        if name in faults:
            await self._send("acknowledge_faults", name, "memory", {"who": _user(), "comment": why})
        else:
            await self._send("accept", name, "trader", {"why": why})

    async def _is_meant(self, *, opens: bool) -> bool:
        """Whether the person means it: what may open risk with real money takes a typed word."""
        if not opens or self._state.mode.mode != "live":
            return True
        return await self._show_dialog(live_question(self._state.mode)) == TYPED

    async def _choose(self, question: str, names: list[str]) -> int | None:
        """Return which one is meant; None for none."""
        if len(names) == 1:
            return 0
        labels = [sanitize(name, 60) for name in names]
        return chosen_index(await self._show_dialog(choice_question(question, labels, self._state.mode.mode)))

    async def _send(self, kind: str, target: str, service: str, arguments: dict[str, str]) -> None:
        try:
            message = await self._controls.send_command(kind, target, service, arguments)
        except RequestRefused as error:
            await self._tell("Nothing was changed", str(error))
            return
        self._notify(_capital(message or "done"), "information")

    async def _tell(self, title: str, text: str) -> None:
        await self._show_dialog(notice_dialog(title, [text], self._state.mode.mode))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _open_faults(data: "DataDir") -> dict[str, str]:
    # Imported in the thread, so that no key press waits for it.
    from cq_tui.ops.verify import open_faults

    return open_faults(data)


def _user() -> str:
    import getpass

    return getpass.getuser()
