"""Takes signals from outside: each file becomes a signal of the history, a duplicate, or a refusal with its reason."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
from pydantic import ValidationError

from cq_tui.contracts.events import SignalGenerated, signal_key
from cq_tui.contracts.health import OutsideSignalsHealth
from cq_tui.contracts.outside_signals import OutsideOutcome, OutsideSignal, SignalFault, read_object, read_signal
from cq_tui.contracts.tickers import Ticker, TickersError, tickers_from_bytes
from cq_tui.services.ares.emission import SignalEmitter
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.outside.judging import Circumstances, Refusal, judge
from cq_tui.services.ares.outside.taken_ids import TakenIds
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.document import DocumentError, describe_validation_error, read_content
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.outside_signals import SignalInbox, TakenFile
from cq_tui.store.owner import foreign_owner, user_name
from cq_tui.store.spools.spool import UnspoolableEvent

#: Files taken before klines get their turn again.
_AT_ONCE: Final = 25
#: Most signals taken within a minute, by side. What closes positions is held back later than what opens them.
_A_MINUTE: Final = {"BUY": 120, "SELL": 600}
_MINUTE: Final = 60.0
_SWEEP_INTERVAL: Final = 60.0
_LONGEST_LOGGED: Final = 300


class OutsideDoor:
    """The one way in for signals of others. ARES alone writes them into the history."""

    def __init__(
        self,
        runtime: ServiceRuntime,
        emitter: SignalEmitter,
        feeder: FeederView,
        *,
        reserved: Callable[[], Collection[str]],
        interval: Callable[[], str],
    ) -> None:
        """``reserved``: names of strategies that are not for others; ``interval``: the base interval."""
        self._runtime = runtime
        self._data = runtime.data
        self._emitter, self._feeder = emitter, feeder
        self._reserved, self._interval = reserved, interval
        self._inbox = SignalInbox(runtime.data)
        self._ids: TakenIds | None = None
        self._taking: Iterator[TakenFile] = self._inbox.take()
        self._taken_at = {side: deque[float]() for side in _A_MINUTE}
        self._swept = 0.0
        self._counts = dict.fromkeys(("accepted", "duplicate", "refused"), 0)
        self._last_refusal: str | None = None
        #: Why files wait; None if none has to.
        self.problem: str | None = None
        #: A file that cannot be answered, so that it waits and the others do not.
        self._unanswered: str | None = None

    def look(self) -> bool:
        """Take some of the files; return whether there may be more. What goes wrong is tried again at the next look."""
        try:
            self._open_ids()
            for _ in range(_AT_ONCE):
                file = next(self._taking, None)
                if file is None:
                    self._taking = self._inbox.take()
                    self.problem, self._unanswered = self._unanswered, None
                    self._look_after()
                    return False
                self._take(file)
            return True
        except JournalBroken:
            raise
        except (OSError, JournalError) as error:
            self._taking = self._inbox.take()
            self.problem, self._unanswered = f"signals from outside wait: {error}", None
            return False

    def health(self) -> OutsideSignalsHealth | None:
        """Return what came so far; None if nothing did."""
        waiting = self._inbox.waiting() if self.problem else 0
        if not waiting and not any(self._counts.values()):
            return None
        counts = self._counts
        return OutsideSignalsHealth(
            accepted=counts["accepted"],
            duplicates=counts["duplicate"],
            refused=counts["refused"],
            waiting=waiting,
            last_refusal=self._last_refusal,
        )

    def close(self) -> None:
        """Close the list of ids."""
        if self._ids is not None:
            self._ids.close()

    def _open_ids(self) -> None:
        if self._ids is None:
            self._ids = TakenIds(self._data, self._runtime.last_seq or 0, self._warn)

    def _warn(self, problem: str) -> None:
        self._runtime.log.error("outside signals", problem=problem)

    def _look_after(self) -> None:
        assert self._ids is not None
        self._ids.note_events(self._runtime.last_seq)
        now = time.monotonic()
        if now - self._swept > _SWEEP_INTERVAL:
            self._swept = now
            self._inbox.sweep(time.time())

    # One signal

    def _take(self, file: TakenFile) -> None:
        if (file.problem is not None or not _is_json(file.content)) and file.is_being_written:
            return
        if (why := self._inbox.unanswerable(file)) is not None:
            self._unanswered = f"the signal {file.shown_name[:_LONGEST_LOGGED]} waits: {why}"
            return
        outcome = self._outcome(file)
        self._inbox.answer(file, outcome)
        self._counts[outcome.outcome] += 1
        if outcome.outcome == "refused":
            self._last_refusal = f"{file.shown_name}: {outcome.message}"[:_LONGEST_LOGGED]
            self._runtime.log.warning("outside signal refused", file=file.shown_name, reason=outcome.message)
        elif outcome.outcome == "duplicate":
            self._runtime.log.info("outside signal taken before", file=file.shown_name, key=outcome.signal_key)

    def _outcome(self, file: TakenFile) -> OutsideOutcome:
        fields: Any = None
        key: str | None = None
        try:
            fields = _read_object(file)
            signal = read_signal(fields)
            key = signal_key({"strategy": signal.strategy, "signal_id": signal.id})
            return self._known_outcome(file, key, fields) or self._accept(file, signal, key, fields)
        except (SignalFault, Refusal) as refusal:
            return _outcome(file, "refused", str(refusal), key=key, fields=fields)

    def _known_outcome(self, file: TakenFile, key: str, fields: dict[str, Any]) -> OutsideOutcome | None:
        """Return the outcome of a signal whose id was taken; that of the file with which it came stays the same."""
        assert self._ids is not None
        known = self._ids.find(key)
        if known is None:
            return None
        if known.file is None:
            self._ids.claim(known, file.digest)
        elif known.file != file.digest:
            text = f"its id was taken at {_clock(known.ts)}: an id counts once. Give a new signal an id of its own"
            return _outcome(file, "duplicate", text, key=key, fields=fields)
        return _outcome(file, "accepted", key=key, fields=fields)

    def _accept(self, file: TakenFile, signal: OutsideSignal, key: str, fields: dict[str, Any]) -> OutsideOutcome:
        """Have the disk remember the signal, then its id. Raises Refusal; JournalError when the disk does not."""
        assert self._ids is not None
        if signal.side == "BUY" and (foreign := foreign_owner(file.owner, self._data.control)):
            raise Refusal(
                f"its file belongs to {foreign}. Only {user_name(self._data.control.stat().st_uid)} may open positions"
            )
        self._check_rate(signal.side)
        issued = file.written_ts if signal.issued is None else signal.issued
        payload = self._payload(signal, issued)
        try:
            self._runtime.emit_durably("signal_generated", payload, metadata=self._emitter.metadata_of(payload))
        except UnspoolableEvent as error:
            raise Refusal(f"it cannot be recorded: {error}") from None
        assert self._runtime.last_seq is not None
        self._ids.add(key, self._runtime.last_seq, file.digest)
        self._taken_at[signal.side].append(time.monotonic())
        self._emitter.note(payload)
        return _outcome(file, "accepted", key=key, fields=fields, age_ms=payload.age_ms)

    def _payload(self, signal: OutsideSignal, issued: float) -> SignalGenerated:
        settings, exchange_now = self._runtime.settings, self._feeder.now_ms / 1000
        seen = Circumstances(
            now=time.time(),
            exchange_now=exchange_now,
            freshness=settings.ARES_FRESHNESS_THRESHOLD,
            interval=self._interval(),
            reserved=self._reserved(),
            ticker=self._ticker(signal.symbol) if signal.price is None else None,
            feeder_problem=self._feeder.problem,
        )
        try:
            return judge(signal, issued, seen)
        except ValidationError as error:
            raise Refusal(describe_validation_error(error)) from None

    def _ticker(self, symbol: str) -> Ticker | None:
        try:
            return tickers_from_bytes(read_content(self._data.tickers))[1].get(symbol)
        except (DocumentError, TickersError):
            return None

    def _check_rate(self, side: str) -> None:
        taken, now, most = self._taken_at[side], time.monotonic(), _A_MINUTE[side]
        while taken and now - taken[0] > _MINUTE:
            taken.popleft()
        if len(taken) >= most:
            raise Refusal(f"{most} {side} signals were taken within a minute, which is the most. Send fewer")


def _is_json(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _read_object(file: TakenFile) -> dict[str, Any]:
    if file.problem is not None:
        raise SignalFault(f"the file {file.problem}. Write one JSON object, such as docs/signals.md shows")
    try:
        return read_object(file.content)
    except SignalFault as fault:
        raise SignalFault(f"the file {fault}. Write it as docs/signals.md shows, and rename it to here") from None


def _outcome(
    file: TakenFile,
    outcome: Literal["accepted", "duplicate", "refused"],
    message: str = "",
    *,
    key: str | None,
    fields: Any,
    age_ms: int | None = None,
) -> OutsideOutcome:
    return OutsideOutcome(
        outcome=outcome,
        message=message,
        signal_key=key,
        age_ms=age_ms,
        taken_ts=round(time.time(), 3),
        file=file.digest,
        signal=_flat(fields) if isinstance(fields, dict) else None,
    )


def _flat(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what may be repeated: nested as deeply as somebody liked, it could not be written."""
    return {name: value for name, value in fields.items() if not isinstance(value, dict | list)}


def _clock(ts: float) -> str:
    return f"{datetime.fromtimestamp(ts, UTC):%Y-%m-%d %H:%M:%S} UTC"
