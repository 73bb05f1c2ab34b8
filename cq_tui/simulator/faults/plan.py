"""Which faults are on, and which of them concern a request or a stream's message: pure decisions."""

from typing import NamedTuple

from cq_tui.simulator.faults.fault import ON_REQUESTS, ON_STREAMS, Fault, FaultSpec


class Asked(NamedTuple):
    """What of a request a fault can name; empty where it does not apply."""

    method: str = ""
    path: str = ""
    ws_method: str = ""
    symbol: str = ""


class FaultPlan:
    """The faults that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(self, spec: FaultSpec, now: int) -> Fault:
        """Begin a fault at ``now`` (Unix ms)."""
        self._last += 1
        until = None if spec.seconds is None else now + spec.seconds * 1_000
        fault = self._faults[self._last] = Fault(self._last, spec, spec.count, until)
        return fault

    def remove(self, number: int) -> bool:
        """End a fault; whether there was one."""
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def active(self, now: int) -> list[Fault]:
        """Return the faults that are on."""
        self._faults = {number: fault for number, fault in self._faults.items() if _lasts(fault, now)}
        return list(self._faults.values())

    def of_request(self, asked: Asked, now: int) -> list[FaultSpec]:
        """Return what happens to a request, counting it."""
        return self._happening(
            [f for f in self.active(now) if f.spec.action in ON_REQUESTS and _concerns_request(f.spec, asked)]
        )

    def of_message(self, stream: str, now: int) -> list[FaultSpec]:
        """Return what happens to a message of a stream, counting it."""
        return self._happening(
            [f for f in self.active(now) if f.spec.action in ON_STREAMS and _concerns_stream(f.spec, stream)]
        )

    @staticmethod
    def _happening(faults: list[Fault]) -> list[FaultSpec]:
        for fault in faults:
            if fault.left is not None:
                fault.left -= 1
        return [fault.spec for fault in faults]


def _lasts(fault: Fault, now: int) -> bool:
    return (fault.left is None or fault.left > 0) and (fault.until is None or now < fault.until)


def _concerns_request(spec: FaultSpec, asked: Asked) -> bool:
    named = ((spec.method, asked.method), (spec.path, asked.path), (spec.ws_method, asked.ws_method))
    return all(wanted in (None, given) for wanted, given in (*named, (spec.symbol, asked.symbol)))


def _concerns_stream(spec: FaultSpec, stream: str) -> bool:
    symbol = stream.partition("@")[0].upper()
    return spec.stream in (None, stream) and spec.symbol in (None, symbol)
