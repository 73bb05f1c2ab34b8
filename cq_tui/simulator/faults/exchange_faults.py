"""Faults of the exchange itself: clock offset, trading status, filters, rules and delisted symbols."""

from typing import Any

from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.clock import Clock
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.faults.fault_spec import FaultSpec


class ExchangeFaults:
    """Sets the exchange's clock offset, statuses, filters and rules to what the active faults require, and back."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._phases: dict[str, str] = {}

    def apply(self, faults: list[FaultSpec]) -> None:
        """Apply the active faults; offsets add up, otherwise the newest fault of a symbol wins."""
        self._clock.offset = sum(fault.offset_ms for fault in faults if fault.action == "offset")
        self._set_phases(faults)
        self._set_rules(
            {fault.symbol or "": fault.filters for fault in faults if fault.action == "filters"},
            {fault.symbol or "": fault.changed_rules for fault in faults if fault.action == "rules"},
        )

    def _set_phases(self, faults: list[FaultSpec]) -> None:
        exchange = self._exchange
        required: dict[str, str] = {}
        for fault in faults:
            if fault.action in ("status", "delist"):
                names = list(exchange.market.column) if fault.symbol is None else [fault.symbol]
                required.update(dict.fromkeys(names, "BREAK" if fault.action == "delist" else fault.status))
        for symbol in self._phases | required:
            exchange.engine.set_phase(required.get(symbol, "TRADING"), symbol)
        for fault in faults:
            if fault.action == "delist" and fault.symbol is not None and fault.symbol not in self._phases:
                now = exchange.clock()
                exchange.commit(exchange.engine.expire_all(fault.symbol, now), now)
        self._phases = required

    def _set_rules(self, filters: dict[str, tuple[dict[str, Any], ...]], rules: dict[str, dict[str, Any]]) -> None:
        exchange = self._exchange
        changed = set(exchange.filters) | set(exchange.changed_rules) | set(filters) | set(rules)
        exchange.filters, exchange.changed_rules = filters, rules
        for symbol in sorted(changed):
            exchange.engine.set_rules(SymbolRules.from_exchange_info(exchange.symbol_info(symbol)))
