"""The active faults, and which of them apply to a request or message: pure decisions."""

from typing import NamedTuple

from cq_tui.simulator.faults.fault_spec import MARKET, REQUEST_ACTIONS, USER_DATA, WS_API, ActiveFault, FaultSpec


class RequestTarget(NamedTuple):
    """The attributes of a request that a fault can select by; empty where not applicable."""

    method: str = ""
    path: str = ""
    ws_method: str = ""
    symbol: str = ""


class MessageTarget(NamedTuple):
    """The attributes of a message that a fault can select by; ``ws_method`` is that of the request it answers."""

    stream: str
    symbol: str = ""
    ws_method: str = ""


class FaultPlan:
    """The active faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: dict[int, ActiveFault] = {}
        self._last_id = 0

    def add(self, spec: FaultSpec, now: int) -> ActiveFault:
        """Add a fault at ``now`` (Unix ms)."""
        self._last_id += 1
        until = None if spec.seconds is None else now + spec.seconds * 1_000
        fault = self._faults[self._last_id] = ActiveFault(self._last_id, spec, spec.count, until)
        return fault

    def remove(self, number: int) -> bool:
        """Remove a fault and return whether it existed."""
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def active(self, now: int) -> list[ActiveFault]:
        """Return the faults active at ``now`` (Unix ms)."""
        self._faults = {number: fault for number, fault in self._faults.items() if _is_active(fault, now)}
        return list(self._faults.values())

    def match_request(self, target: RequestTarget, now: int) -> list[FaultSpec]:
        """Return the faults that apply to a request, and count an occurrence of each."""
        if not self._faults:
            return []
        faults = [fault for fault in self.active(now) if _matches_request(fault.spec, target)]
        for fault in faults:
            fault.count_occurrence()
        return [fault.spec for fault in faults]

    def match_message(self, target: MessageTarget, now: int) -> list[ActiveFault]:
        """Return the faults that may apply to a message; the caller counts those that occur."""
        return [fault for fault in self.active(now) if _matches_message(fault.spec, target)]


def _is_active(fault: ActiveFault, now: int) -> bool:
    return (fault.remaining is None or fault.remaining > 0) and (fault.until is None or now < fault.until)


def _matches_request(spec: FaultSpec, target: RequestTarget) -> bool:
    if spec.action not in REQUEST_ACTIONS or spec.affects_messages:
        return False
    named = ((spec.method, target.method), (spec.path, target.path), (spec.ws_method, target.ws_method))
    return all(selected in (None, actual) for selected, actual in (*named, (spec.symbol, target.symbol)))


def _matches_message(spec: FaultSpec, target: MessageTarget) -> bool:
    if not spec.affects_messages:
        return False
    is_named = spec.stream == target.stream
    if target.stream not in (USER_DATA, WS_API):
        is_named = is_named or spec.stream in (None, MARKET)
    return is_named and spec.symbol in (None, target.symbol) and spec.ws_method in (None, target.ws_method)
