"""Carries out the core's requests on a simulated exchange in virtual time, as the trader does over REST.

Requests go through the same parameters, checks and parsers as over the port: only HTTP, signature and network are
left out. What comes back are inputs of the core.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cq_tui.binance.errors import BinanceError, InvalidSymbol, error_from_status
from cq_tui.binance.exchange_info import merge_exchange_info, parse_exchange_info
from cq_tui.binance.user_events import UserEvent, parse_user_event
from cq_tui.lookback.calls import Call, call_of
from cq_tui.simulator.api.dispatch import dispatch
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import ROUTES, Route
from cq_tui.simulator.api.user_data_events import user_data_events
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.trading.core.effects import CHANGES, FetchRules, Request
from cq_tui.trading.core.inputs import Answer, Answered, Input, NotSent, OutcomeUnknown, Refused, Reported, Started
from cq_tui.trading.core.outcomes import input_of_error

_ROUTES: Mapping[tuple[str, str], Route] = {(route.method, route.path): route for route in ROUTES}

#: What becomes of a request.
Result = Answered | Refused | OutcomeUnknown | NotSent


class EngineFills:
    """One account on one simulated exchange. Its events are kept until they are taken."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._events: list[UserEvent] = []
        exchange.listeners.append(self._on_outcome)

    def respond(self, request: Request) -> list[Input]:
        """Carry out a request and return all inputs that follow: its start, what the stream reports, its result."""
        result = self.carry_out(request)
        return [Started(request.number), *self.reports(), result]

    def carry_out(self, request: Request) -> Result:
        """Carry out a request at the exchange's present time and return its result."""
        try:
            return Answered(request.number, self._answer(request))
        except BinanceError as error:
            return input_of_error(request.number, error)

    def move_to(self, tick: int) -> None:
        """Advance the market to a tick: orders are triggered and filled. The exchange's clock is the caller's."""
        self._exchange.on_tick(tick)

    def events(self) -> list[UserEvent]:
        """Take the account's events since the last call, in the exchange's order."""
        events, self._events = self._events, []
        return events

    def reports(self) -> list[Reported]:
        """Take the account's events since the last call, as inputs."""
        return [Reported(event) for event in self.events()]

    def _on_outcome(self, outcome: Outcome, now: int) -> None:
        self._events += map(parse_user_event, user_data_events(outcome, self._exchange.state, now))

    def _answer(self, request: Request) -> Answer:
        if isinstance(request, FetchRules):
            return self._rules(request)
        call = call_of(request)
        return call.parse(self._send(call, changes_state=isinstance(request, CHANGES)))

    def _rules(self, request: FetchRules) -> Answer:
        """Return the rules of the symbols that are listed; over REST the others are found by asking again."""
        listed = self._exchange.market.rules
        known = tuple(symbol for symbol in request.symbols if symbol in listed)
        unknown = tuple(symbol for symbol in request.symbols if symbol not in listed)
        if not known:
            raise InvalidSymbol(400, -1121, f"none of the symbols is listed: {', '.join(unknown)}")
        raw = self._send(call_of(replace(request, symbols=known)), changes_state=False)
        return merge_exchange_info([parse_exchange_info(raw)], unknown)

    def _send(self, call: Call, *, changes_state: bool) -> Any:
        """Return the response's JSON, also that of a cancelReplace of which half failed. Raises BinanceError."""
        exchange, route = self._exchange, _ROUTES[call.method, call.path]
        parameters, now = Parameters(call.params), exchange.clock()
        weight = route.weight(parameters)
        try:
            exchange.limits.count_request(weight, now)
            return dispatch(exchange, route, parameters, weight, now)
        except RequestRejected as rejection:
            if rejection.data is not None:
                return rejection.data
            raise error_from_status(
                rejection.status, rejection.code, rejection.message, changes_state=changes_state
            ) from None
