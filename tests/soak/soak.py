"""The soak itself: opens rooms, types, breaks connections, kills processes; judges and reports at the end."""

import asyncio
import contextlib
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson

from cq_tui.binance.errors import BinanceError
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.trading_state import standing_stops
from tests.services.kline_truth import wrong_klines
from tests.soak.client import Client
from tests.soak.hands import Hands
from tests.soak.observer import holders_by_inode, is_running
from tests.soak.report import Findings, judge
from tests.soak.ssh_server import SshServer, find_sshd
from tests.soak.verdict import Kill, Observation

#: Seconds between two kills of the same process: more often, and it would be given up, as it should.
_SPACING = {"supervisor": 25.0} | dict.fromkeys(SERVICES, 65.0)
#: Seconds for which the room is left alone after its supervisor was killed.
_LEFT_ALONE = 5.0
#: Seconds in which a room takes in what was typed.
_TAKEN_IN = 1.0
_ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
#: Seconds that a room may take to end, on a busy machine.
_ENDS_WITHIN = 30.0
_SIZES = [(160, 45), (80, 24), (200, 55), (100, 30), (60, 15), (40, 10), (20, 5), (118, 34)]
#: The room never leaves the simulation, and writes nowhere else.
_SETTINGS = {"SIMULATION_MODE": "true", "SYMBOLS": "BTCUSDT,ETHUSDT,ADAUSDT", "TEST_ALLOW_DEFAULT_SIGNAL": "true"}


class Soak:
    """One soak in a folder of its own. ``say`` gets a line about everything that is done."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], object]) -> None:
        self.data = DataDir(folder / "data")
        self._folder = folder
        self._random, self._hands, self._say = random.Random(seed), Hands(seed), say
        self._environment = self._clean_environment()
        self._server: SshServer | None = None
        self._client: Client | None = None
        self._in_tmux = False
        self._opened = self._supervisor_killed = -1e9
        self.actions: Counter[str] = Counter()
        self.kills: list[Kill] = []
        self.problems: list[str] = []
        #: When a supervisor was killed although the last room was just closing.
        self.unread: list[float] = []
        #: Resident MiB of every room and supervisor, by pid, in the order of the samples.
        self.memory: dict[tuple[str, int], list[float]] = {}
        self._next_sample = self._next_resume = 0.0

    # -- the whole

    def run(self, seconds: float) -> Findings:
        """Soak for a while, end everything, and judge."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._end_everything)
            if find_sshd() is not None:
                (self._folder / "ssh").mkdir(mode=0o700)
                self._server = stack.enter_context(SshServer(self._folder / "ssh"))
            else:
                self._say("sshd is not installed: rooms open in tmux and in plain terminals")
            self._write_room_script()
            observed = self._folder / "observed.ndjson"
            observer = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("observer.py")), str(self.data.root), str(observed)],
                start_new_session=True,
            )
            stack.callback(observer.wait)
            stack.callback(observer.kill)
            self._soak(seconds)
            end = time.monotonic()
            return judge(self, Observation(map(orjson.loads, observed.read_bytes().splitlines())), end)

    def _soak(self, seconds: float) -> None:
        self._open_room()
        self._wait(lambda: all(self.pid_of(name) for name in ("supervisor", *SERVICES)), 120)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._client is None or not self._client.is_alive:
                self._close_client()
                self._open_room()
            self._sample_memory()
            self._resume_trading()
            self._choose()()
        self._say("waiting for what was killed last")
        self._close_client()
        self._open_room()
        self._wait(lambda: all(self._is_back(kill) for kill in self.kills[-6:]), 110)
        self._compare_klines()
        self._sample_memory()

    def _compare_klines(self) -> None:
        """The journals are the exchange's klines, whatever was killed."""
        try:
            at = read_document(self.data.exchange_address, ExchangeAddress)
            wrong = asyncio.run(wrong_klines(self.data, at.rest_url))
        except (DocumentError, BinanceError) as error:
            self.problems.append(f"klines not compared: {error}")
            return
        for symbol, klines in wrong.items():
            times = sorted(kline.open_time for kline in klines)
            self.problems.append(f"klines of {symbol} differ from the exchange's: {len(times)}, from {times[0]} on")

    def _choose(self) -> Callable[[], None]:
        actions: list[tuple[int, Callable[[], None]]] = [
            (120, self._type), (10, self._resize), (5, self._freeze_terminal), (4, self._stop_client),
            (2, self._detach), (3, self._lose_connection), (2, self._kill_room), (2, self._suspend_room),
            (2, self._view),
            (9, self._kill_service), (2, self._stop_service), (5, self._kill_supervisor),
        ]  # fmt: skip
        (chosen,) = self._random.choices([action for _, action in actions], [weight for weight, _ in actions])
        return chosen

    def _did(self, what: str, more: str = "") -> None:
        self.actions[what] += 1
        self._say(f"{what} {more}".rstrip())

    # -- the person

    def _type(self) -> None:
        self.actions["type"] += 1
        for _ in range(self._random.randint(1, 6)):
            if self._client is not None:
                self._client.type(self._hands.type())
            time.sleep(self._random.choice([0.0, 0.02, 0.1, 0.4, 1.0]))

    def _resize(self) -> None:
        self.actions["resize"] += 1
        for _ in range(self._random.choice([1, 1, 1, 15])):
            if self._client is not None:
                self._client.resize(*self._random.choice(_SIZES))
            time.sleep(self._random.choice([0.0, 0.05]))

    def _freeze_terminal(self) -> None:
        """Ctrl+S, or a window that is not read; meanwhile a service dies."""
        if self._client is None:
            return
        seconds = self._random.uniform(2, 12)
        self._did("freeze the terminal", f"for {seconds:.0f} s")
        self._client.type(b"\x13")
        self._client.freeze()
        time.sleep(seconds / 2)
        self._kill_service()
        time.sleep(seconds / 2)
        self._client.go_on()

    def _stop_client(self) -> None:
        """SIGSTOP the client, as a laptop that sleeps."""
        if self._client is None or not self._client.is_alive:
            return
        self._did("stop the client")
        os.kill(self._client.process.pid, signal.SIGSTOP)
        time.sleep(self._random.uniform(1, 6))
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._client.process.pid, signal.SIGCONT)

    def _detach(self) -> None:
        if self._in_tmux:
            self._did("detach from tmux")
            self._tmux("detach-client")
            time.sleep(self._random.uniform(0, 6))

    def _lose_connection(self) -> None:
        """Kill the client, or the server's side of the connection."""
        children = self._server.sessions() if self._server is not None else []
        if children and self._random.random() < 0.5:
            self._did("kill the server's side of the connection")
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            self._did("kill the client")
        self._close_client()
        time.sleep(self._random.uniform(0, 4))

    def _view(self) -> None:
        """Somebody else looks, and types as well."""
        self._did("view")
        viewer = Client(self._command(["--view"]), self._environment)
        for _ in range(12):
            viewer.type(self._hands.type())
            time.sleep(0.2)
        viewer.close()

    def _resume_trading(self) -> None:
        """Undo what the hands have halted: orders are wanted."""
        if time.monotonic() >= self._next_resume:
            self._next_resume = time.monotonic() + 40
            if standing_stops(self.data):
                self._did("resume trading")
                self.cli("resume", "--why", "orders are wanted")

    # -- kills

    def _kill_room(self) -> None:
        if pids := self.rooms():
            number, pid = (
                self._random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGHUP]),
                self._random.choice(pids),
            )
            self._did("kill the room", number.name)
            _send(pid, number)
            deadline = time.monotonic() + _ENDS_WITHIN
            while is_running(pid):
                if time.monotonic() > deadline:
                    self.problems.append(f"a room lives on {_ENDS_WITHIN:.0f} s after {number.name}")
                    _send(pid, signal.SIGKILL)
                time.sleep(0.1)
            # Another one takes some time until it cares for the supervisor.
            self._opened = time.monotonic()

    def _suspend_room(self) -> None:
        if pids := self.rooms():
            self._did("suspend the room")
            _send(pids[0], signal.SIGSTOP)
            time.sleep(self._random.uniform(1, 5))
            self._kill_service()
            time.sleep(self._random.uniform(1, 5))
            _send(pids[0], signal.SIGCONT)

    def _kill_service(self) -> None:
        self._signal_process(self._random.choice(SERVICES), signal.SIGKILL)

    def _stop_service(self) -> None:
        """SIGSTOP: alive, but silent; it has to be found hung."""
        self._signal_process(self._random.choice(SERVICES), signal.SIGSTOP)

    def _kill_supervisor(self) -> None:
        """Only while a room reads, which has to start another one. What was typed before may still close it."""
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        if time.monotonic() - self._opened < max(8.0, 3 * busy):
            return
        time.sleep(_TAKEN_IN)
        if (readers := self.rooms()) and self._signal_process("supervisor", signal.SIGKILL):
            self._supervisor_killed = time.monotonic()
            time.sleep(_LEFT_ALONE)
            if not set(readers) & set(self.rooms()):
                self._say("no room was left to start another supervisor")
                self.unread.append(self.kills[-1].at)

    def _signal_process(self, name: str, number: signal.Signals) -> bool:
        now, pid = time.monotonic(), self.pid_of(name)
        recent = any(kill.name == name and now - kill.at < _SPACING[name] for kill in self.kills)
        if pid is None or recent or now - self._supervisor_killed < _LEFT_ALONE or not self.is_wanted(name):
            return False
        self._did(f"{number.name} to {name}")
        self.kills.append(Kill(time.monotonic(), name, pid, number.name))
        _send(pid, number)
        return True

    # -- what is there, read plainly

    def pid_of(self, name: str) -> int | None:
        """Return the living process that holds a lock."""
        try:
            pid = holders_by_inode().get(self.data.lock_of(name).stat().st_ino)
        except OSError:
            return None
        return pid if pid is not None and is_running(pid) else None

    def is_wanted(self, name: str) -> bool:
        """Whether nobody has stopped a process."""
        try:
            return bool(orjson.loads(self.data.desired_state_of(name).read_bytes())["wanted"] != "stopped")
        except (OSError, ValueError):
            return True

    def rooms(self) -> list[int]:
        """Return the pids of the rooms that may act."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"-m", b"cq_tui"] and words[3:6] == [b"--data-dir", bytes(self.data.root), b""]:
                    found.append(int(entry.name))
        return found

    def _is_back(self, kill: Kill) -> bool:
        return not self.is_wanted(kill.name) or self.pid_of(kill.name) not in (None, kill.pid)

    def _sample_memory(self) -> None:
        if time.monotonic() < self._next_sample:
            return
        self._next_sample = time.monotonic() + 5
        supervisor = self.pid_of("supervisor")
        pids = [("room", pid) for pid in self.rooms()] + ([("supervisor", supervisor)] if supervisor else [])
        for name, pid in pids:
            with contextlib.suppress(OSError, ValueError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                self.memory.setdefault((name, pid), []).append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    # -- windows

    def _open_room(self) -> None:
        self._in_tmux = shutil.which("tmux") is not None and self._random.random() < 0.7
        columns, rows = self._random.choice(_SIZES[:4])
        self._did("open a room", "in tmux" if self._in_tmux else "in a plain terminal")
        self._client = Client(self._command([], in_tmux=self._in_tmux), self._environment, columns, rows)
        self._opened = time.monotonic()
        time.sleep(self._random.choice([0.0, 0.3, 3.0]))

    def _close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _command(self, options: list[str], *, in_tmux: bool = False) -> list[str]:
        words = ["sh", str(self._folder / "room.sh"), *options]
        if in_tmux:
            words = ["tmux", "-S", str(self._folder / "tmux.sock"), "-f", str(self._folder / "tmux.conf"),
                     "new-session", "-A", "-s", "soak", shlex.join(words)]  # fmt: skip
        return self._server.command(shlex.join(words)) if self._server is not None else words

    def _tmux(self, *words: str) -> None:
        subprocess.run(["tmux", "-S", str(self._folder / "tmux.sock"), *words], capture_output=True, check=False)

    def _write_room_script(self) -> None:
        for name in ("home", "work"):
            (self._folder / name).mkdir()
        (self._folder / "tmux.conf").write_text("set -g mouse on\nset -g escape-time 20\nset -g default-size 160x45\n")
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self._environment.items()]
        command = shlex.join([sys.executable, "-m", "cq_tui", "--data-dir", str(self.data.root)])
        # The shell outlives a hangup, so that the exit code is known.
        lines += [
            f"cd {self._folder}/work",
            "trap : HUP TERM INT",
            f'{command} "$@"',
            f"echo $? >> {self._folder}/exits",
        ]
        (self._folder / "room.sh").write_text("\n".join(lines) + "\n")

    def _clean_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in (*SETTING_KEYS, "TMUX", "CQ_DATA_DIR")}
        kept = {name: value for name, value in kept.items() if name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG")}
        here = str(Path(__file__).parents[2])
        return kept | _SETTINGS | {
            "HOME": str(self._folder / "home"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": here,
        }  # fmt: skip

    def _wait(self, condition: Callable[[], bool], patience: float) -> bool:
        deadline = time.monotonic() + patience
        while not condition() and time.monotonic() < deadline:
            if self._client is not None and not self._client.is_alive:
                self._close_client()
                self._open_room()
            time.sleep(0.2)
        return condition()

    def cli(self, *words: str, patience: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of ours to its end."""
        command = [sys.executable, "-m", "cq_tui", *words, "--data-dir", str(self.data.root)]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=patience, check=False
        )

    def exits(self) -> Counter[int]:
        """Return how often the rooms ended with which exit code, as the shell says it."""
        path = self._folder / "exits"
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()

    def close_rooms(self) -> None:
        """Close every window and every room."""
        self._close_client()
        self._tmux("kill-server")
        for pid in self.rooms():
            _send(pid, signal.SIGTERM)

    def _end_everything(self) -> None:
        self.close_rooms()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if bytes(self.data.root) in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    _send(int(entry.name), signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
