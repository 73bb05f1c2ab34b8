"""The core: ``step(input, moment) -> effects``. Every decision of the trader is made here, and nothing else is done."""

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any

from cq_tui.binance.user_events import AccountPosition, BalanceUpdate, ExecutionReport, ListStatus
from cq_tui.trading.core import answers
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.balances import take_balances, take_funds
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.command_answer import CommandAnswer
from cq_tui.trading.core.commands import take_command
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import Effect, FetchRules
from cq_tui.trading.core.entries import take_refused_signal, take_signal, take_waiting, take_waits
from cq_tui.trading.core.hearing import hear_report
from cq_tui.trading.core.inquiring import ask, lost
from cq_tui.trading.core.judging import blocked_by
from cq_tui.trading.core.knowing_rules import hurry_rules, take_settings, want_symbols
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.losing import look_at_losses, losses_due
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.positions import look_after
from cq_tui.trading.core.quarantining import end_by_time
from cq_tui.trading.core.reconciling import look_at_account
from cq_tui.trading.core.sights import follow
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.trailing import take_bar
from cq_tui.trading.core.worries import worries

#: A symbol settles within a step after a few looks; more than this is a defect.
_MOST_LOOKS = 20
#: So far (seconds) the exchange's time goes back as it is measured again; beyond, a clock was set.
_CLOCK_TOLERANCE = 1.0


class Core:
    """The trader of one account as a state machine. ``book`` is what it remembers."""

    def __init__(self, book: Book) -> None:
        self.situation = Situation(book)
        self.next_due = -inf
        #: When the last step was (the exchange's Unix seconds).
        self._stepped_at = -inf
        #: The answer to the last command.
        self.command_answer = CommandAnswer(False, "")
        #: Counts decisions, for tests that must reach each.
        self.decisions: dict[Decision, int] = {}
        #: When to look at a symbol again; one that was put off since is looked at in vain.
        self._alarms: list[tuple[float, str]] = []
        self._is_awake = False

    @property
    def book(self) -> Book:
        """What is remembered over restarts."""
        return self.situation.book

    @property
    def is_ready(self) -> bool:
        """Whether orders and balances have been reconciled since the start."""
        return self.situation.is_reconciled

    @property
    def is_stream_silent(self) -> bool:
        """Whether the account stream did not tell what it should have: it is to be replaced."""
        return self.situation.is_stream_silent

    @property
    def has_waiting_signals(self) -> bool:
        """Whether signals were taken that are neither followed nor denied yet."""
        return any(lane.waiting for lane in self.situation.lanes.values())

    def blocked_by(self, moment: Moment) -> list[str]:
        """Return why no position can be opened now, whatever its symbol."""
        self.situation.moment = moment
        return blocked_by(self.situation)

    def worries(self, moment: Moment) -> list[str]:
        """Return what is not as it should be."""
        self.situation.moment = moment
        return list(worries(self.situation))

    def step(self, event: i.Input, moment: Moment) -> list[Effect]:
        """Take one input; return what is to be done, in order."""
        s = self.situation
        s.moment = moment
        if moment.exchange < self._stepped_at - _CLOCK_TOLERANCE:
            self._set_back()
        self._stepped_at = moment.exchange
        if type(event) is i.Tick and moment.exchange < self.next_due:
            return []
        if not self._is_awake:
            self._wake_up()
        _HANDLERS[type(event)](self, event)
        self._settle()
        return s.take_effects()

    def _set_back(self) -> None:
        """Judge anew what is due: by the clock before it was set back, it would be much too late."""
        s = self.situation
        s.clock_was_set_back()
        for symbol in s.lanes:
            s.touch(symbol)
        self.next_due = -inf

    def _wake_up(self) -> None:
        """Begin: what an earlier process intended may or may not have reached the exchange."""
        self._is_awake = True
        s = self.situation
        for order in list(s.book.live_orders()):
            if order.status.is_unseen:
                lost(s, order.client_order_id, "the trader stopped before the outcome was known")
            elif s.book.awaits_end(order):
                s.inquire(order.client_order_id)
        for symbol in s.book.symbols():
            s.lane(symbol).scan_wanted = s.lane(symbol).must_catch_up = True
            s.lane(symbol).trades_until = max(
                (fill.trade_id for order in s.book.orders_of(symbol) for fill in order.fills), default=-1
            )
            s.touch(symbol)
        for wait in s.book.waits.values():
            s.touch(wait.signal.symbol)
        want_symbols(s)

    def _settle(self) -> None:
        s = self.situation
        if s.now >= self._account_due():
            look_at_account(s)
        if s.now >= s.losses_due:
            look_at_losses(s)
            end_by_time(s)
        while self._alarms and self._alarms[0][0] <= s.now:
            _, symbol = heappop(self._alarms)
            if s.lanes[symbol].due <= s.now:
                s.touch(symbol)
        looks: dict[str, int] = {}
        while s.dirty:
            symbol = next(iter(s.dirty))
            del s.dirty[symbol]
            looks[symbol] = looks.get(symbol, 0) + 1
            if looks[symbol] > _MOST_LOOKS:
                # A defect. Positions stay as they are at the exchange; dying again and again would help nobody.
                s.doubt(symbol, "defect", f"the trader does not come to a decision about {symbol}; report this")
            elif symbol:
                self._advance(s.lane(symbol))
        due = self._account_due()
        if s.now >= due:
            look_at_account(s)
            due = self._account_due()
        self.next_due = min(self._alarms[0][0] if self._alarms else inf, due, losses_due(s))

    def _account_due(self) -> float:
        """Return when the account as a whole has to be looked at (Unix seconds, the exchange's)."""
        s = self.situation
        due = min(s.account_due, s.balances_due)
        if s.rules_due < due and not s.is_reading("", FetchRules):
            due = s.rules_due
        if s.commissions_due < due and s.is_reconciled and not s.is_reading_commissions:
            due = s.commissions_due
        return due

    def _advance(self, lane: Lane) -> None:
        s = self.situation
        lane.due = inf
        ask(s, lane)
        follow(s, lane)
        followed, stuck = s.facts_count, lane.stuck
        if not s.is_busy(lane.symbol):
            decision = look_after(s, lane)
            self.decisions[decision] = self.decisions.get(decision, 0) + 1
        take_waiting(s, lane)
        take_waits(s, lane)
        if s.facts_count != followed or lane.stuck != stuck:
            follow(s, lane)
        self._value_commissions(lane)
        if lane.due < inf:
            heappush(self._alarms, (lane.due, lane.symbol))

    def _value_commissions(self, lane: Lane) -> None:
        s = self.situation
        held = s.book.holdings.get(lane.symbol)
        for fee in () if held is None else held.unvalued:
            if (price := s.price_of(fee.asset)) is not None:
                s.record(f.CommissionValued(lane.symbol, fee.asset, price, s.ms))

    # Inputs

    def _quotes(self, event: i.QuotesSeen) -> None:
        s = self.situation
        waited_for = {wait.signal.symbol for wait in s.book.waits.values()}
        for symbol, quote in event.quotes.items():
            s.lane(symbol).quote = quote
            if symbol in s.book.positions or symbol in waited_for:
                s.touch(symbol)

    def _reported(self, event: i.Reported) -> None:
        s = self.situation
        if s.is_stream_silent:
            s.set_stream(None)
        match event.event:
            case ExecutionReport() as report:
                hear_report(s, report)
            case AccountPosition() as position:
                take_balances(s, position)
            case BalanceUpdate() as update:
                take_funds(s, update)
            case ListStatus():
                s.activity += 1
            case _:
                s.account_due = min(s.account_due, s.now)

    def _stream_up(self, _: i.StreamUp) -> None:
        s = self.situation
        s.set_stream(None)
        s.stream_since_ms = s.ms
        hurry_rules(s)

    def _stream_down(self, event: i.StreamDown) -> None:
        self.situation.set_stream(event.reason)

    def _health(self, event: i.HealthSeen) -> None:
        self.situation.health = event

    def _settings(self, event: i.SettingsSeen) -> None:
        take_settings(self.situation, event.settings)

    def _owner(self, event: i.OwnerSeen) -> None:
        self.situation.owner = event
        self.situation.book.owner = event.owner

    def _command(self, event: i.Command) -> None:
        self.command_answer = take_command(self.situation, event)

    def _signal(self, event: i.SignalSeen) -> None:
        take_signal(self.situation, event)

    def _signal_refused(self, event: i.SignalRefused) -> None:
        take_refused_signal(self.situation, event)

    def _bar(self, event: i.BarClosed) -> None:
        take_bar(self.situation, event)

    def _started(self, event: i.Started) -> None:
        answers.take_started(self.situation, event)

    def _answered(self, event: i.Answered) -> None:
        answers.take_answer(self.situation, event)

    def _refused(self, event: i.Refused) -> None:
        answers.take_refusal(self.situation, event)

    def _unknown(self, event: i.OutcomeUnknown) -> None:
        answers.take_unknown(self.situation, event)

    def _not_sent(self, event: i.NotSent) -> None:
        answers.take_not_sent(self.situation, event)

    def _not_stored(self, event: i.NotStored) -> None:
        answers.take_not_stored(self.situation, event)

    def _tick(self, _: i.Tick) -> None:
        pass


_HANDLERS: dict[type[Any], Callable[[Core, Any], None]] = {
    i.SignalSeen: Core._signal,
    i.SignalRefused: Core._signal_refused,
    i.QuotesSeen: Core._quotes,
    i.BarClosed: Core._bar,
    i.Started: Core._started,
    i.Answered: Core._answered,
    i.Refused: Core._refused,
    i.OutcomeUnknown: Core._unknown,
    i.NotSent: Core._not_sent,
    i.NotStored: Core._not_stored,
    i.Reported: Core._reported,
    i.StreamUp: Core._stream_up,
    i.StreamDown: Core._stream_down,
    i.HealthSeen: Core._health,
    i.SettingsSeen: Core._settings,
    i.OwnerSeen: Core._owner,
    i.Command: Core._command,
    i.Tick: Core._tick,
}
