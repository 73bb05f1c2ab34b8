"""A real terminal for tests: a private tmux server whose screen is read as text."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from cq_tui.room.answer_guard import READING_TIME


class Tmux:
    """One program in one tmux window; the server and its processes end with the context."""

    def __init__(self, folder: Path, command: list[str], environment: dict[str, str], columns: int, rows: int) -> None:
        self._socket = str(folder / "tmux.sock")
        settings = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        size = ["-x", str(columns), "-y", str(rows)]
        self._run("-f", "/dev/null", "new-session", "-d", *size, *settings, *command)
        self._run("set-option", "-g", "remain-on-exit", "on")
        self.pid = int(self._run("list-panes", "-F", "#{pane_pid}").strip())

    def screen(self) -> str:
        """Return what is on the screen."""
        return self._run("capture-pane", "-p")

    def colored_screen(self) -> str:
        """Return what is on the screen, with the sequences of its colors."""
        return self._run("capture-pane", "-p", "-e")

    def scrollback(self) -> str:
        """Return the screen and its scrollback; wrapped lines are joined."""
        return self._run("capture-pane", "-p", "-J", "-S", "-")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self._run("send-keys", key)

    def write(self, text: str) -> None:
        """Type a text in one write, as a fast typist over a slow line does."""
        self._run("send-keys", "-l", text)

    def answer(self, key: str, question: str) -> None:
        """Answer a question; again, if that came before the question had been visible long enough."""
        while question in (before := self.screen()):
            self.press(key)
            # Each press closes the question, or is named in it: of many, only the last are.
            self._wait_for_answer(question, _early_line(before))
            if question in self.screen():
                time.sleep(READING_TIME)

    def _wait_for_answer(self, question: str, named: str) -> None:
        def is_taken() -> bool:
            screen = self.screen()
            return question not in screen or _early_line(screen) != named

        self.wait_until(is_taken, f"end of {question!r}")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def ended(self) -> bool:
        """Whether the program has ended, and tmux knows how: it sees the closed terminal before the exit."""
        dead, _, status = self._run("list-panes", "-F", "#{pane_dead} #{pane_dead_status}").strip().partition(" ")
        if dead == "1" and not status:
            # tmux sometimes misses the end of a process; the end of another one makes it check all of them.
            self._run("run-shell", "-b", "true")
        return status != ""

    def exit_code(self) -> int:
        """Return the exit code of the program that has ended."""
        return int(self._run("list-panes", "-F", "#{pane_dead_status}").strip())

    def wait_for(self, text: str, timeout: float = 60.0) -> str:
        """Wait until a text is on the screen and return that screen."""
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            seen = self.screen()
            return text in seen

        self.wait_until(is_there, f"{text!r} on the screen", timeout)
        return seen

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 60.0) -> None:
        """Wait for a condition. Fails with the current screen."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {timeout} s; the screen:\n{self.screen()}")
            time.sleep(0.05)

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        self._run("kill-server")

    def _run(self, *words: str) -> str:
        # A size in the environment would override the terminal's.
        kept = os.environ.keys() - {"TMUX", "COLUMNS", "LINES"}
        environment = {name: os.environ[name] for name in kept}
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=True, env=environment
        )
        return done.stdout

    def __enter__(self) -> "Tmux":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)


def _early_line(screen: str) -> str:
    return next((line for line in screen.splitlines() if "too early" in line), "")
