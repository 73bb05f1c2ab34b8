"""Which faults are on, and which of them concern a request or a message: pure decisions."""

from typing import NamedTuple

from cq_tui.simulator.faults.fault_spec import MARKET, REQUEST_ACTIONS, USER_DATA, WS_API, ActiveFault, FaultSpec


class RequestTarget(NamedTuple):
    """What of a request a fault can name; empty where it does not apply."""

    method: str = ""
    path: str = ""
    ws_method: str = ""
    symbol: str = ""


class MessageTarget(NamedTuple):
    """What of a message a fault can name: its stream, its symbol, and the method of the request that it answers."""

    stream: str
    symbol: str = ""
    ws_method: str = ""


class FaultPlan:
    """The faults that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: dict[int, ActiveFault] = {}
        self._last_id = 0

    def add(self, spec: FaultSpec, now: int) -> ActiveFault:
        """Begin a fault at ``now`` (Unix ms)."""
        self._last_id += 1
        until = None if spec.seconds is None else now + spec.seconds * 1_000
        fault = self._faults[self._last_id] = ActiveFault(self._last_id, spec, spec.count, until)
        return fault

    def remove(self, number: int) -> bool:
        """End a fault; whether there was one."""
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def active(self, now: int) -> list[ActiveFault]:
        """Return the faults that are on."""
        self._faults = {number: fault for number, fault in self._faults.items() if _is_active(fault, now)}
        return list(self._faults.values())

    def match_request(self, asked: RequestTarget, now: int) -> list[FaultSpec]:
        """Return what happens to a request, counting it."""
        if not self._faults:
            return []
        faults = [fault for fault in self.active(now) if _matches_request(fault.spec, asked)]
        for fault in faults:
            fault.count_occurrence()
        return [fault.spec for fault in faults]

    def match_message(self, said: MessageTarget, now: int) -> list[ActiveFault]:
        """Return what may happen to a message; what does has to be counted."""
        return [fault for fault in self.active(now) if _matches_message(fault.spec, said)]


def _is_active(fault: ActiveFault, now: int) -> bool:
    return (fault.remaining is None or fault.remaining > 0) and (fault.until is None or now < fault.until)


def _matches_request(spec: FaultSpec, asked: RequestTarget) -> bool:
    if spec.action not in REQUEST_ACTIONS or spec.affects_messages:
        return False
    named = ((spec.method, asked.method), (spec.path, asked.path), (spec.ws_method, asked.ws_method))
    return all(wanted in (None, given) for wanted, given in (*named, (spec.symbol, asked.symbol)))


def _matches_message(spec: FaultSpec, said: MessageTarget) -> bool:
    if not spec.affects_messages:
        return False
    is_named = spec.stream == said.stream
    if said.stream not in (USER_DATA, WS_API):
        is_named = is_named or spec.stream in (None, MARKET)
    return is_named and spec.symbol in (None, said.symbol) and spec.ws_method in (None, said.ws_method)
