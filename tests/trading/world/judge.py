"""Judges the trader after every step: what must never happen, and what must be true once everything is quiet."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.binance.order_lists import NewOpoco, NewOtoco
from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.inputs import Answered, Input, NotSent, NotStored, OutcomeUnknown, Refused, SignalSeen, Tick
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.money.account_money import identity_fault
from cq_tui.trading.position_life import PositionState
from tests.trading.world import happenings as h
from tests.trading.world.flatness import Flatness
from tests.trading.world.foreign_watch import ForeignWatch
from tests.trading.world.limits_watch import LimitsWatch, without_used_up
from tests.trading.world.part_watch import PartWatch
from tests.trading.world.removals import Removals
from tests.trading.world.storage import rebuilt
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.process import Process
    from tests.trading.world.world import World

ZERO = Decimal(0)
#: Without an excuse, a position is without its stop for no longer (ms).
NAKED_LIMIT_MS = 2_500
#: An excuse lasts so much longer than its cause: pauses, time-outs, queries.
_LONG_GRACE_MS, _GRACE_MS_SHORT, _MINUTE_GRACE_MS = 35_000, 4_000, 65_000
#: What a silent stream does not tell is found out within so long.
SILENT_MS = 12_000
_GRACE_MS: dict[type[h.Happening], int] = {
    **dict.fromkeys(
        (h.Request, h.Outage, h.StaleReplica, h.NoBudget, h.FewOrders, h.Status, h.Delisted, h.Gone, h.Wiped,
         h.SameOwner, h.OtherOwner, h.Twin, h.DiskFull, h.WrongQuotes, h.Thin, h.ForeignTrade, h.Clock, h.FeederSilent),
        _LONG_GRACE_MS,
    ),
    # Rules that let more be covered are read each minute.
    h.Rules: _MINUTE_GRACE_MS,
    **dict.fromkeys((h.Kill, h.Stream, h.ExchangeCancels, h.PersonCancels, h.PersonSells, h.Order, h.Funds),
                    _GRACE_MS_SHORT),
}  # fmt: skip
_MOST_IDLE_TICKS = 20
#: A wait for a price ends so soon after its time (ms).
_LATE_WAIT_MS = 2_000
#: Of 6,000 that the exchange allows in a minute.
_MOST_WEIGHT = 3_000
#: Requests that change one symbol, within so many ms and without a trade: no repair and no exit is tried more often.
_MOST_CHANGES, _CHANGES_MS = 25, 5_000
_RESULTS = (Answered, Refused, OutcomeUnknown, NotSent, NotStored)
#: What may leave a doubt that only a person ends.
_LASTING = (h.OtherOwner, h.SameOwner, h.Wiped, h.Kill, h.DiskFull, h.Funds, h.ForeignTrade, h.Gone,
            h.Twin, h.PersonSells)  # fmt: skip


class Judge:
    """Watches one world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.truth = Truth(world.venue.state, world.owner)
        self._removals = Removals(world, self.truth)
        self.flatness = Flatness(world, self.truth)
        self.foreign = ForeignWatch(world, self.truth)
        self._limits = LimitsWatch(world, self.truth)
        self._parts = PartWatch(world, self.truth)
        self.naked_ms: dict[str, list[int]] = defaultdict(list)
        self._naked_since: dict[str, int] = {}
        self._excused_until = 0
        self._sent_ids: set[str] = set()
        self._symbols: dict[str, str] = {}
        self._idle_ticks = 0
        #: When a query told an order working, or a list of open orders was asked for that tells it (Unix ms).
        self._told_resting: dict[str, int] = {}
        self._lists_asked: dict[int, int] = {}
        self._weights: Counter[int] = Counter()
        self._changes: dict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=_MOST_CHANGES))
        self._in_flight: dict[int, tuple[str, e.Request]] = {}
        self._booked: set[tuple[str, int]] = set()
        self._shadow = rebuilt(world.storage.account, world.owner, [])
        self._was_blocked: list[str] = []
        #: By signal: why it is not followed.
        self._given_up: dict[str, str] = {}
        self._kinds = Counter(type(one) for one in world.plan.happenings)
        self.is_wiped = False
        #: Number of facts when the venue was wiped.
        self._wiped_at = 0
        self._wiped_ms = 0

    @property
    def is_changing(self) -> bool:
        """Whether a request that changes something is on its way."""
        return bool(self._in_flight)

    # What the world tells

    def excuse(self, happening: h.Happening) -> None:
        """Excuse naked time while a fault lasts, and some more for what follows from it."""
        grace = _GRACE_MS.get(type(happening))
        if isinstance(happening, h.ExchangeCancels | h.PersonCancels | h.PersonSells) and self._is_stream_silent():
            grace = SILENT_MS - NAKED_LIMIT_MS
        if isinstance(happening, h.Funds) and (self.world.process is None or self._is_stream_silent()):
            # Coins that nobody saw go may have been sold by an order of ours.
            grace = _MINUTE_GRACE_MS
        if grace is not None:
            until = self.world.now + getattr(happening, "ms", 0) + grace
            self._excused_until = max(self._excused_until, until)

    def _is_stream_silent(self) -> bool:
        return self.world.process is not None and self.world.process.stream.is_silent

    def excuse_quiet(self) -> None:
        """Excuse what the end of the faults leaves to be done."""
        self._excused_until = max(self._excused_until, self.world.now + _LONG_GRACE_MS)

    def excuse_id(self, name: str) -> None:
        """Let an id be somebody else's."""
        self.truth.excused.add(name)

    def watch_funds(self, asset: str, change: Decimal) -> None:
        """Take a deposit or withdrawal."""

    def watch_wipe(self) -> None:
        """Take that the venue forgot everything."""
        self.is_wiped = self.truth.is_wiped = True
        self._wiped_at, self._wiped_ms = len(self.world.storage.facts), self.world.now
        self._booked.clear()
        self.truth.restart(self.world.venue.state)

    def foreign_free(self, symbol: str) -> Decimal:
        """Return how much of a base asset is free and not of our trader."""
        base, _ = self.world.venue.state.assets_of(symbol)
        balance = self.world.venue.state.balances[base]
        twin = self.world.twin
        owned = self.truth.owned[symbol] + (ZERO if twin is None else twin.judge.truth.owned[symbol])
        return max(min(balance.free, balance.free + balance.locked - owned), ZERO)

    def take_past(self) -> None:
        """Know the orders of the directory that a trader begins with."""
        intents = (fact for fact in self.world.storage.facts if isinstance(fact, f.OrderIntended))
        self._symbols |= {fact.order.client_order_id: fact.order.symbol for fact in intents}
        self._sent_ids |= self._symbols.keys()

    def watch_birth(self) -> None:
        """Begin to watch a process."""
        self._in_flight.clear()
        self._lists_asked.clear()
        self._removals.forget()
        process = self.world.process
        assert process is not None
        self.foreign.watch_birth(process)
        since = self.world.storage.facts[self._wiped_at :]
        fills = [fact for fact in since if isinstance(fact, f.OrderFilled) and not self._is_from_before(fact)]
        self._booked = set(map(self._trade_key, fills))
        self.truth.forget_payments()
        self.truth.forget_adoptions()
        for fact in fills:
            self._watch_payment(fact)
        for adopted in (fact for fact in since if isinstance(fact, f.PositionAdopted)):
            self.truth.adopt(adopted.symbol, adopted.quantity, adopted.price)
        self._shadow = rebuilt(self.world.storage.account, self.world.owner, self.world.storage.facts)
        self._given_up.clear()
        for denied in (fact for fact in self.world.storage.facts if isinstance(fact, f.SignalDenied)):
            self._note_denial(denied)
        if self._shadow.waits:
            self.world.reached("wait", "over a restart")
        self._compare(process, "after a restart")

    def watch_death(self) -> None:
        """The process is dead."""
        self._in_flight.clear()
        if any(isinstance(fact, f.PositionAdopted) for fact in self.world.storage.waiting):
            # On a full disk, nothing tells any more that coins of others became ours.
            self.is_wiped = self.truth.is_wiped = True

    # Steps of the trader

    def watch_before(self, process: "Process", message: Input, moment: Moment) -> None:
        """Look at the trader before a step."""
        if isinstance(message, SignalSeen):
            self._was_blocked = process.core.blocked_by(moment)

    def watch_step(self, process: "Process", message: Input, effects: Sequence[e.Effect], moment: Moment) -> None:
        """Judge a step."""
        world = self.world
        world.steps += 1
        self._watch_pace(process, message)
        if world.trace is not None:
            _write_trace(world, message, effects)
        if isinstance(message, Answered):
            self._watch_resting(message)
        if isinstance(message, _RESULTS):
            self._in_flight.pop(message.number, None)
            self._removals.watch_result(message, moment)
        if process.core.is_stream_silent:
            world.reached("stream", "found silent")
        has_facts = False
        for effect in effects:
            if isinstance(effect, e.Record):
                has_facts = True
                self._watch_facts(effect)
            else:
                self._watch_effect(process, effect, moment)
        if isinstance(message, SignalSeen):
            self._watch_signal(message, effects)
        if has_facts and world.steps % 4 == 0:
            self._compare(process, "after a step")

    def _watch_resting(self, answered: Answered) -> None:
        """Take which orders are told working. A list of them says so of the time when it was asked for."""
        asked = self._lists_asked.pop(answered.number, self.world.now)
        for order in answered.value if isinstance(answered.value, tuple) else (answered.value,):
            if isinstance(order, Order) and order.status == "NEW":
                self._told_resting[order.client_order_id] = asked

    def _watch_pace(self, process: "Process", message: Input) -> None:
        """A core that wants to be woken again and again, at once, would burn the processor."""
        self._idle_ticks = self._idle_ticks + 1 if isinstance(message, Tick) else 0
        if self._idle_ticks > _MOST_IDLE_TICKS and process.core.next_due <= process.moment().exchange:
            raise Violation(f"{self._idle_ticks} ticks in a row, and the next is due at once")

    def _watch_weight(self, request: e.Request) -> None:
        """Repair and reconciliation leave most of the request budget to what matters."""
        minute, weight = self.world.now // 60_000, _weight(request)
        self._weights[minute] += weight
        if self._weights[minute] > _MOST_WEIGHT:
            raise Violation(f"a request weight of {self._weights[minute]} within a minute")

    def _watch_rate(self, request: e.Request) -> None:
        known, now, trades = self._changes[request.symbol], self.world.now, len(self.truth.trades)
        if len(known) == _MOST_CHANGES and now - known[0][0] < _CHANGES_MS and trades == known[0][1]:
            raise Violation(f"more than {_MOST_CHANGES} changes of {request.symbol} within {_CHANGES_MS / 1000:g} s")
        known.append((now, trades))

    def _watch_facts(self, record: e.Record) -> None:
        for fact in record.facts:
            if isinstance(fact, f.PartExitWanted):
                self._parts.watch_wanted(fact, self._shadow)
            elif isinstance(fact, f.PartExitEnded):
                self._parts.watch_ended(fact)
            stops = {symbol: position.plan.stop_loss for symbol, position in self._shadow.positions.items()}
            self._shadow.apply(fact)
            self._watch_levels(stops)
            if isinstance(fact, f.OrderIntended):
                self._symbols[fact.order.client_order_id] = fact.order.symbol
            elif isinstance(fact, f.OrderFilled):
                self._watch_fill(fact)
            elif isinstance(fact, f.ExitWanted) and fact.signal_key:
                self._watch_exit(fact)
            elif isinstance(fact, f.SignalDenied):
                self._note_denial(fact)
                self.world.reached("denial", fact.code)
            elif isinstance(fact, f.EntryWaits):
                self.world.reached("wait", "began")
            elif isinstance(fact, f.PositionMoved) and fact.naked_ms is not None:
                self.naked_ms[str(fact.naked_kind)].append(fact.naked_ms)
                self.world.reached("naked", fact.naked_kind)
            elif isinstance(fact, f.DoubtRaised):
                self.world.reached("doubt", fact.kind)
            elif isinstance(fact, f.PositionAdopted):
                self.foreign.watch_adoption(fact)
                self.truth.adopt(fact.symbol, fact.quantity, fact.price)
            elif isinstance(fact, f.ForeignSalePlanned):
                self.foreign.watch_plan(fact)
            elif isinstance(fact, f.SymbolUnlocked):
                self.flatness.watch_unlocked(fact.symbol)
            elif isinstance(fact, f.HoldingAccepted):
                self.is_wiped = True

    def _watch_exit(self, fact: f.ExitWanted) -> None:
        """A signal closes what is its strategy's, and never what a person adopted without naming one."""
        position = self._shadow.positions.get(fact.symbol)
        if position is None or self.world.settings.exit_any_strategy:
            return
        owner, asks = position.plan.strategy, fact.signal_key.split(":")[0]
        if asks != owner and (owner or position.plan.is_adopted):
            raise Violation(f"a signal of {asks} closes {fact.symbol}, which is {owner or 'a person'}'s")

    def _is_from_before(self, fact: f.OrderFilled) -> bool:
        """Whether a trade is one of a past that was wiped, told late: the venue counts its trades anew."""
        return self.is_wiped and fact.fill.time < self._wiped_ms

    def _watch_fill(self, fact: f.OrderFilled) -> None:
        if self._is_from_before(fact):
            return
        key = self._trade_key(fact)
        if key in self._booked:
            raise Violation(f"trade {key} is booked twice")
        self._booked.add(key)
        self._watch_payment(fact)
        trade = self.truth.trades.get(key)
        if trade is None and not self.is_wiped:
            raise Violation(f"trade {key} is booked and is not ours at the exchange")
        if trade is not None and (trade.price, trade.quantity, trade.commission) != (
            fact.fill.price, fact.fill.quantity, fact.fill.commission
        ):  # fmt: skip
            raise Violation(f"trade {key} is booked as {fact.fill}, the exchange has {trade}")

    def _watch_payment(self, fact: f.OrderFilled) -> None:
        if fact.commission_own:
            self.truth.pay(self._trade_key(fact), fact.commission_own)
            self.world.reached("commission", "own coins of another symbol")
        elif fact.commission_price and fact.fill.commission_asset not in self.world.venue.state.assets_of(
            self._symbols[fact.client_order_id]
        ):
            self.world.reached("commission", "foreign coins of another asset")

    def _trade_key(self, fact: f.OrderFilled) -> tuple[str, int]:
        return self._symbols[fact.client_order_id], fact.fill.trade_id

    def _compare(self, process: "Process", when: str) -> None:
        if difference := difference_of(self._shadow, process.core.book):
            raise Violation(f"the facts give another book {when}: {difference}")
        if fault := index_fault_of(process.core.book):
            raise Violation(f"{fault} {when}")

    def _watch_effect(self, process: "Process", request: e.Request, moment: Moment) -> None:
        if isinstance(request, e.FetchRules):
            self._removals.watch_reading(request)
        if not isinstance(request, e.CHANGES):
            return
        if isinstance(request, e.CancelOrder) and request.order_id is not None:
            self.foreign.watch_cancel(request.symbol, request.order_id)
        self._removals.watch(process, request, moment)
        self._parts.watch_request(request, process.core.book)
        for number, (symbol, other) in self._in_flight.items():
            if symbol == request.symbol and not self._is_decided(process, other):
                raise Violation(f"{_name(request)} while request {number}, {_name(other)}, is under way in {symbol}")
        self._watch_triggered(process, request)
        self._in_flight[request.number] = request.symbol, request
        if isinstance(request, e.PlaceOrder | e.PlaceList) and is_entry(request):
            made = request.order_list if isinstance(request, e.PlaceList) else request.order
            self.world.reached("entry", type(made).__name__)
            self._watch_entry(process, request, moment)

    def _watch_triggered(self, process: "Process", request: e.Request) -> None:
        """A list of which one leg was told to be triggered is selling: nothing of it is canceled any more.

        Unless a query has told since that it works: a stop with a limit rests when the price has gapped over it.
        """
        orders = process.core.book.orders
        if isinstance(request, e.CancelList):
            name = request.list_client_order_id
        elif isinstance(request, e.CancelOrder | e.ReplaceOrder):
            leg = request.client_order_id if isinstance(request, e.CancelOrder) else None
            known = orders.get(leg or request.replace.canceled_client_order_id)  # type: ignore[union-attr]
            name = "" if known is None else known.list_client_order_id or ""
        else:
            return
        legs = [one for one in orders.values() if name and one.list_client_order_id == name]
        ended = max((one.updated_ms for one in legs if one.status.is_terminal), default=0)
        untold = [
            one
            for one in legs
            if not one.status.is_terminal
            and not one.executed
            and self._told_resting.get(one.client_order_id, 0) < ended
        ]
        if untold and any(one.reason == "OCO_TRIGGER" for one in legs):
            raise Violation(f"{_name(request)} of a list that was triggered")

    @staticmethod
    def _is_decided(process: "Process", request: e.Request) -> bool:
        """Whether the trader knows what became of a change, although its answer is still awaited."""
        orders = process.core.book.orders
        if isinstance(request, e.CancelOrder):
            return request.order_id is None and orders[request.client_order_id].status.is_terminal
        if isinstance(request, e.CancelList):
            legs = [one for one in orders.values() if one.list_client_order_id == request.list_client_order_id]
            return all(leg.status.is_terminal for leg in legs)
        placed = [orders[name] for name in ids_of(request) if name in orders]
        return bool(placed) and not any(order.status.is_undecided for order in placed)

    def _watch_entry(self, process: "Process", request: e.Request, moment: Moment) -> None:
        core, world = process.core, self.world
        self.flatness.watch_entry(process, request.symbol)
        told: list[str] = self._watch_added(process, request, without_used_up(core.blocked_by(moment)))
        told += [f"doubt {kind}" for kind in core.book.doubts.get(request.symbol, {})]
        told += [f"doubt {kind}" for kind in core.book.doubts.get("", {})]
        if world.settings.trading_state != "active":
            told.append(f"trading is {world.settings.trading_state}")
        if world.owner_problem:
            told.append(world.owner_problem)
        if world.settings.mode_blocked:
            told.append(world.settings.mode_blocked)
        self._watch_waited(process, request)
        self._limits.watch(process, request, (other for _, other in self._in_flight.values() if other is not request))
        if told:
            raise Violation(f"an entry in {request.symbol} is sent in spite of: {'; '.join(told)}")

    def _watch_levels(self, stops: dict[str, Decimal]) -> None:
        """No stop of a position is ever lowered."""
        for symbol, stop in stops.items():
            position = self._shadow.positions.get(symbol)
            if position is not None and position.plan.stop_loss < stop:
                raise Violation(f"the stop of {symbol} is lowered from {stop} to {position.plan.stop_loss}")

    def _watch_added(self, process: "Process", request: e.Request, told: list[str]) -> list[str]:
        """Judge a purchase where something is held; return what blocks it: not the number of positions."""
        book, symbol = process.core.book, request.symbol
        key = book.orders[ids_of(request)[0]].signal_key
        signal, position = self.world.asked.get(key), book.positions.get(symbol)
        if signal is None or not signal.scale_in:
            return told
        self.world.reached("addition", "sent")
        if position is None or position.plan.strategy != signal.strategy or position.exit_reason or position.part:
            raise Violation(f"{key} adds to {symbol}, which is held as {position}")
        if not self.truth.protected(symbol) and not self.is_wiped and self.world.now > self._excused_until:
            raise Violation(f"{key} adds to {symbol}, which is without its stop")
        most = DenialReason.MAX_POSITIONS.sentence[:-1]
        return [line for line in told if not line.startswith(most)]

    def _watch_waited(self, process: "Process", request: e.Request) -> None:
        """No entry follows a signal that was told to be waited for no more."""
        name = ids_of(request)[0]
        key = process.core.book.orders[name].signal_key
        if key in self._given_up:
            raise Violation(f"an entry follows {key}, which was denied for {self._given_up[key]}")
        mine = (one for one in process.core.book.orders.values() if one.signal_key == key and one.leg is Leg.ENTRY)
        if any(one.executed for one in mine if one.client_order_id != name):
            raise Violation(f"a second entry follows {key}, which has bought already")

    def _note_denial(self, fact: f.SignalDenied) -> None:
        if fact.code != DenialReason.DUPLICATE_SIGNAL:
            self._given_up[fact.signal_key] = fact.code

    def _watch_signal(self, message: SignalSeen, effects: Sequence[e.Effect]) -> None:
        """Nothing that holds for every signal may deny one when nothing was named that blocks."""
        denials = [fact for one in effects if isinstance(one, e.Record) for fact in one.facts]
        codes = [fact.code for fact in denials if isinstance(fact, f.SignalDenied)]
        is_ours = message.mode in (None, self.world.settings.mode)
        if message.signal.side == "BUY" and is_ours and not self._was_blocked and set(codes) & _FOR_ALL:
            raise Violation(f"nothing was said to block, and a signal is denied for {codes}")

    # Requests

    def watch_request(self, process: "Process", request: e.Request) -> None:
        """Judge a request that leaves."""
        self._watch_weight(request)
        if isinstance(request, e.FetchOpenOrders):
            self._lists_asked[request.number] = self.world.now
        if not isinstance(request, e.CHANGES):
            return
        self._watch_rate(request)
        self._removals.watch_leaving(process, request)
        for name in (*ids_of(request), *other_ids_of(request)):
            if name in self._sent_ids:
                raise Violation(f"the id {name} is sent a second time")
            self._sent_ids.add(name)

    # The exchange

    def watch_venue(self) -> None:
        """Judge what is at the exchange after a request."""
        self.truth.read()

    def watch(self) -> None:
        """Judge what is at the exchange at any time."""
        self.truth.read()
        self.foreign.watch()
        self._parts.watch()
        for symbol, owned in self.truth.owned.items():
            if owned and self._is_naked(symbol, owned):
                self._watch_naked(symbol)
            else:
                self._naked_since.pop(symbol, None)

    def _is_naked(self, symbol: str, owned: Decimal) -> bool:
        rules = self.world.venue.rules(symbol)
        quantity = rules.quantize_quantity(min(owned, self.truth.in_reach(symbol)))
        value = quantity * self.world.venue.price(symbol)
        if not self.world.venue.is_permitted(symbol) or self.foreign.is_sold(symbol):
            return False
        if rules.max_orders and self.truth.orders_of_others(symbol) >= rules.max_orders:
            return False
        if not quantity or quantity < rules.min_quantity or value < rules.min_notional * Decimal("1.1"):
            return False
        bare = quantity - self.truth.protected(symbol)
        return bare * self.world.venue.price(symbol) >= rules.min_notional * Decimal("1.1")

    def _watch_naked(self, symbol: str) -> None:
        now = self.world.now
        since = max(self._naked_since.setdefault(symbol, now), self._excused_until)
        if now - since > NAKED_LIMIT_MS and not self.is_wiped:
            raise Violation(f"{symbol} is without its stop for {now - since} ms, and nothing excuses it")

    # The end

    def is_at_rest(self) -> bool:
        """Whether nothing is under way."""
        process = self.world.process
        if process is None or self._in_flight:
            return False
        return not self._unrest(process)

    def _unrest(self, process: "Process") -> list[str]:
        book = process.core.book
        found = [
            f"{order.client_order_id} is {order.status}" for order in book.open_orders() if order.status.is_undecided
        ]
        late = (one for one in book.waits.values() if one.until_ms < self.world.now - _LATE_WAIT_MS)
        found += [f"{one.signal.key} is waited for after its time" for one in late]
        lacking = [order for order in book.orders.values() if order.lacks_trades]
        asked = {order.symbol for order in lacking if self._is_for_a_person(book, order)}
        found += [f"{order.client_order_id} lacks trades" for order in lacking if order.symbol not in asked]
        calm = (PositionState.PROTECTED, PositionState.UNSELLABLE)
        venue = self.world.venue
        parts = [one.symbol for one in book.positions.values() if one.part is not None]
        open_there = [one for one in parts if not venue.why_closed(one) and venue.is_permitted(one)]
        found += [f"a part of {symbol} is to be sold" for symbol in open_there]
        moving = [one for one in book.positions.values() if one.state not in calm and one.symbol not in asked]
        found += [f"{one.symbol} is {one.state}" for one in moving]
        if not self.is_wiped:
            found += [
                f"{symbol}: {owned} owned, {book.quantity(symbol)} in the book"
                for symbol, owned in self.truth.owned.items()
                if owned != book.quantity(symbol)
            ]
            missing = self.truth.trades.keys() - self._booked
            found += [f"trades {sorted(missing)} are not booked"] if missing else []
            found += self._money_faults(process)
            found += self.flatness.unrest(process)
            found += self.foreign.unrest(process)
        return found

    def _is_for_a_person(self, book: Book, order: OrderRecord) -> bool:
        """Whether a sale is in doubt whose trades are gone with the venue's past: a person has the last word."""
        return bool(self._wiped_ms) and order.side == "SELL" and "outcome" in book.doubts.get(order.symbol, {})

    def _money_faults(self, process: "Process") -> list[str]:
        money = process.core.book.money
        if money is None:
            return ["the account was not opened"]
        balance = self.world.venue.state.balances[money.asset]
        total = balance.free + balance.locked
        fault = identity_fault(money, process.core.book.holdings.values())
        found = [] if fault is None else [fault]
        return found if money.quote == total else [*found, f"the book has {money.quote} {money.asset}, not {total}"]

    def watch_end(self) -> None:
        """Judge the quiet end."""
        process = self.world.process
        if process is None:
            raise Violation("the trader is not alive at the end")
        self.truth.read()
        if unrest := self._unrest(process):
            raise Violation(f"no rest at the end: {'; '.join(unrest)}")
        if self._in_flight:
            raise Violation(f"requests without an end: {self._in_flight}")
        self._compare(process, "at the end")
        self._limits.watch_end()
        self._watch_last_protection(process)
        self._watch_last_doubts(process)
        if not self.is_wiped:
            self._watch_profit(process)

    def _watch_last_protection(self, process: "Process") -> None:
        for symbol, owned in self.truth.owned.items():
            position = process.core.book.positions.get(symbol)
            if owned and self._is_naked(symbol, owned) and not self.is_wiped:
                state = "no position" if position is None else position.state
                if position is None or position.state is not PositionState.UNSELLABLE:
                    raise Violation(f"{symbol}: {owned} without a stop at the end ({state})")

    def _watch_last_doubts(self, process: "Process") -> None:
        doubts = process.core.book.doubts
        if doubts and not any(isinstance(one, _LASTING) for one in self.world.plan.happenings):
            raise Violation(f"doubts at the end that nothing explains: {doubts}")

    def _watch_profit(self, process: "Process") -> None:
        """Realized plus unrealized profit is what our trades did to the cash, plus what we own at the bid."""
        book, venue = process.core.book, self.world.venue
        money = book.money
        assert money is not None
        value = sum((owned * venue.price(symbol) for symbol, owned in self.truth.owned.items()), ZERO)
        unrealized = ZERO
        for held in book.holdings.values():
            unrealized += held.quantity * venue.price(held.symbol) - held.cost
        gained = self.truth.cash + value - money.paid_from_outside
        if money.realized + unrealized != gained:
            raise Violation(f"profit {money.realized} + {unrealized} in the book, {gained} at the exchange")


_FOR_ALL = frozenset(
    {"trading_halted", "trading_reducing", "mode_blocked", "not_reconciled", "ares_stale", "ares_unhealthy",
     "memory_stale", "memory_unhealthy", "feeder_unhealthy", "disk_full"}
)  # fmt: skip


def is_entry(request: e.Request) -> bool:
    """Whether a request opens risk."""
    if isinstance(request, e.PlaceList):
        return isinstance(request.order_list, NewOtoco | NewOpoco)
    return isinstance(request, e.PlaceOrder) and request.order.side == "BUY"


def ids_of(request: e.Request) -> tuple[str, ...]:
    """Return the client ids of the orders that a request places."""
    if isinstance(request, e.PlaceOrder):
        return (request.order.client_order_id,)
    if isinstance(request, e.ReplaceOrder):
        return (request.replace.new.client_order_id,)
    if isinstance(request, e.PlaceList):
        made = request.order_list
        legs = made.above.client_order_id, made.below.client_order_id
        return (made.working.client_order_id, *legs) if isinstance(made, NewOtoco | NewOpoco) else legs
    return ()


def other_ids_of(request: e.Request) -> tuple[str, ...]:
    """Return the other ids of a request: of its list, of its cancel."""
    if isinstance(request, e.PlaceList):
        return (request.order_list.list_client_order_id,)
    if isinstance(request, e.ReplaceOrder) and request.replace.cancel_id is not None:
        return (request.replace.cancel_id,)
    return ()


def _weight(request: e.Request) -> int:
    if isinstance(request, e.FetchTrades):
        return 20 if request.order_id is None else 5
    return _WEIGHTS.get(type(request), 1)


_WEIGHTS: dict[type[e.Request], int] = {
    e.FetchOpenOrders: 80,
    e.FetchAccount: 20,
    e.FetchRules: 20,
    e.FetchCommission: 20,
    e.FetchBookTicker: 2,
    e.QueryOrder: 4,
}


def _name(request: e.Request) -> str:
    return type(request).__name__


def difference_of(one: Book, other: Book) -> str:
    """Return the fields in which two books differ; empty if they are the same."""
    names = [field.name for field in fields(Book) if field.compare and field.name != "quarantine"]
    found = [name for name in names if getattr(one, name) != getattr(other, name)]
    shown = "; ".join(f"{name}: {getattr(one, name)!r} ≠ {getattr(other, name)!r}" for name in found)[:2_000]
    quarantines = one.quarantine.to_dict(), other.quarantine.to_dict()
    return shown if quarantines[0] == quarantines[1] else f"{shown} quarantine: {quarantines}"


def index_fault_of(book: Book) -> str:
    """Return what the book's indexes of its orders say wrongly; empty if they are right."""
    for name, order in book.orders.items():
        if (name in book.live) == (order.status.is_terminal and not order.lacks_trades):
            return f"the live orders are wrong about {order}"
    for symbol in book.by_symbol:
        times = (fill.time for order in book.orders_of(symbol) for fill in order.fills)
        if book.traded_ms(symbol) != max(times, default=0):
            return f"the time of the newest trade of {symbol} is not {book.traded_ms(symbol)}"
    return ""


def _write_trace(world: "World", message: Input, effects: Sequence[e.Effect]) -> None:
    quiet = type(message).__name__ in ("Tick", "QuotesSeen", "HealthSeen", "BarClosed", "Started") and not effects
    if not quiet:
        world.note(f"   {message}"[:600])
        for effect in effects:
            shown = effect.facts if isinstance(effect, e.Record) else (effect,)
            for one in shown:
                world.note(f"      → {one}"[:500])
