"""The book of one account: everything that must outlive a restart. Only ``apply`` changes it, and only by facts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.bookings import bookings_of
from cq_tui.trading.core.entry_log import EntryLog
from cq_tui.trading.core.foreign_sale import ForeignSale
from cq_tui.trading.core.lock import Lock
from cq_tui.trading.core.naked import NakedLog, NakedSpan
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.position import PartExit, Position
from cq_tui.trading.core.price_wait import PriceWait
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.limits.losses import LossHold, LossLimit
from cq_tui.trading.money import account_money
from cq_tui.trading.money.account_money import Money
from cq_tui.trading.money.exact import add, multiply, share_of, subtract
from cq_tui.trading.money.holding import Booking, Holding
from cq_tui.trading.money.sellable import DUST_SHARE
from cq_tui.trading.order_life import Heard, hear
from cq_tui.trading.position_life import NakedKind, PositionState
from cq_tui.trading.quarantine import Quarantine

ZERO = Decimal(0)
#: The exchange's reason of a leg that ended because the other one was triggered.
OCO_TRIGGER = "OCO_TRIGGER"
#: Ended orders kept of each symbol, and answered signals kept; what is older can come back no more.
ENDED_KEPT = 40
ANSWERED_KEPT = 5_000
#: Kinds of doubt whose text names its evidence, an order or a trade: once accepted, it raises no doubt again.
EVIDENCED_DOUBTS = frozenset({"other_owner", "first_version", "unknown_order", "same_id_twice", "amount"})
#: Accepted evidence kept of one kind.
ACCEPTED_KEPT = 500


def coins_to_sell(book: "Book") -> Mapping[str, Decimal]:
    """Return how much of each asset that is not ours is still to be sold at most."""
    sale = book.foreign_sale
    return {} if sale is None or sale.coins is None else sale.coins


def is_complete(order: OrderRecord) -> bool:
    """Whether an order was filled, and all its trades are known."""
    return order.status.is_filled and not order.lacks_trades


@dataclass(slots=True)
class Book:
    """The state of one account (``venue:uid``) under one owner."""

    account: str = ""
    owner: str = ""
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    #: Ids of the orders of each symbol, oldest first.
    by_symbol: dict[str, dict[str, None]] = field(default_factory=dict)
    #: Ids of the orders that may still fill, or whose trades are not all known.
    live: dict[str, None] = field(default_factory=dict)
    #: Those with trades that the exchange has not named yet.
    claimed: dict[str, None] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    #: By symbol: the newest of the ended orders that were dropped, by the exchange's ascending id.
    forgotten: dict[str, int] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    money: Money | None = None
    #: Plans and the next order number, by signal key, as long as orders follow them.
    plans: dict[str, Plan] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    #: Keys of the signals acted on or denied.
    answered: dict[str, None] = field(default_factory=dict)
    #: By signal key: entries that wait for their limit price.
    waits: dict[str, PriceWait] = field(default_factory=dict)
    #: Of symbols, and of strategies.
    quarantine: Quarantine = field(default_factory=Quarantine)
    strategy_quarantine: Quarantine = field(default_factory=Quarantine)
    #: By symbol ("" for all): who had it flattened; nothing is opened there.
    locks: dict[str, Lock] = field(default_factory=dict)
    #: What of the coins that are not ours a person wants sold, too; None if nobody does.
    foreign_sale: ForeignSale | None = None
    #: The limits on losses that hold.
    losses: dict[LossLimit, LossHold] = field(default_factory=dict)
    #: By symbol ("" for the account) and kind: what cannot be explained.
    doubts: dict[str, dict[str, str]] = field(default_factory=dict)
    #: By symbol and kind: the evidence that a person has accepted.
    accepted: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    last_entry: dict[str, float] = field(default_factory=dict)
    #: By (strategy, symbol): end of the pause after a stop (Unix seconds).
    paused_until: dict[tuple[str, str], float] = field(default_factory=dict)
    entries: EntryLog = field(default_factory=EntryLog)
    naked: NakedLog = field(default_factory=NakedLog)
    orders_count: int = 0
    fills_count: int = 0
    denials_count: int = 0
    last_order_time: float = 0.0
    #: By symbol: the time of the newest known trade, until its orders change.
    _traded_ms: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def apply(self, fact: f.Fact) -> None:
        """Change the book by a fact. Facts have happened: nothing is checked here."""
        _APPLY[type(fact)](self, fact)

    # Questions

    def orders_of(self, symbol: str) -> list[OrderRecord]:
        """Return the known orders of a symbol, oldest first."""
        return [self.orders[name] for name in self.by_symbol.get(symbol, ())]

    def traded_ms(self, symbol: str) -> int:
        """Return the time of the newest trade of the known orders of a symbol (the exchange's Unix ms); 0 for none."""
        known = self._traded_ms.get(symbol)
        if known is None:
            times = (fill.time for order in self.orders_of(symbol) for fill in order.fills)
            known = self._traded_ms[symbol] = max(times, default=0)
        return known

    def open_orders(self) -> Iterator[OrderRecord]:
        """Yield the orders that may still fill, including those not sent yet."""
        return (order for order in self.live_orders() if not order.status.is_terminal)

    def live_orders(self) -> Iterator[OrderRecord]:
        """Yield the orders that may still fill, and those whose trades are not all known."""
        return (self.orders[name] for name in self.live)

    def quantity(self, symbol: str) -> Decimal:
        """Return what is owned in a symbol, remainders included, in base units."""
        held = self.holdings.get(symbol)
        return ZERO if held is None else held.quantity

    def working_stops(self, symbol: str) -> list[OrderRecord]:
        """Return the stop orders of a symbol that were seen working."""
        return [order for order in self.live_of(symbol) if order.leg is Leg.STOP and order.status.is_working]

    def live_of(self, symbol: str) -> list[OrderRecord]:
        """Return the orders of a symbol that may still fill, or whose trades are not all known, oldest first.

        They are few of those that are kept.
        """
        return [self.orders[name] for name in self.by_symbol.get(symbol, ()) if name in self.live]

    def was_triggered(self, order: OrderRecord) -> bool:
        """Whether an order ended because the other one of its list was triggered, whose fill is to follow."""
        return order.status.is_expired and order.reason == OCO_TRIGGER

    def awaits_fill(self, order: OrderRecord) -> bool:
        """Whether an order works in a list whose other leg ended by its trigger: it is about to fill, or has."""
        return order.status.is_working and any(map(self.was_triggered, self.other_legs(order)))

    def awaits_end(self, order: OrderRecord) -> bool:
        """Whether an order works in a list whose other leg has ended: a list's legs end together, told one by one."""
        return order.status.is_working and any(other.status.is_terminal for other in self.other_legs(order))

    def other_legs(self, order: OrderRecord) -> list[OrderRecord]:
        """Return the other protective orders of an order's list."""
        name = order.list_client_order_id
        if name is None:
            return []
        return [
            other
            for other in self.orders_of(order.symbol)
            if other.list_client_order_id == name and other.leg in (Leg.STOP, Leg.TARGET) and other is not order
        ]

    def waits_in(self, symbol: str) -> list[PriceWait]:
        """Return the entries in a symbol that wait for their limit price, oldest first."""
        return [one for one in self.waits.values() if one.signal.symbol == symbol]

    def symbols(self) -> set[str]:
        """Return the symbols with a position, an open order, or something worth knowing."""
        return {*self.positions, *(order.symbol for order in self.live_orders())}

    # Orders

    def claimed_as(self, symbol: str, order_id: int | None = None) -> OrderRecord | None:
        """Return an order with trades (of this id, or of any) that the exchange has not named yet; None without one."""
        claimed = (self.orders[name] for name in self.claimed)
        mine = (order for order in claimed if order.symbol == symbol)
        return next((order for order in mine if order_id in (None, order.order_id)), None)

    def put(self, order: OrderRecord) -> None:
        """Have an order in the book, in this state."""
        self.orders[order.client_order_id] = order
        self._traded_ms.pop(order.symbol, None)
        self.by_symbol.setdefault(order.symbol, {})[order.client_order_id] = None
        if order.is_claimed:
            self.claimed[order.client_order_id] = None
        else:
            self.claimed.pop(order.client_order_id, None)
        if order.status.is_terminal and not order.lacks_trades:
            self.live.pop(order.client_order_id, None)
        else:
            self.live[order.client_order_id] = None

    def _intended(self, fact: f.OrderIntended) -> None:
        order = fact.order
        self.put(order)
        self.numbers[order.signal_key] = self.numbers.get(order.signal_key, 0) + 1
        self.holdings.setdefault(order.symbol, Holding(order.symbol, fact.base_asset, fact.quote_asset))
        if fact.plan is not None:
            if (wait := self.waits.get(order.signal_key)) is not None:
                self.waits[order.signal_key] = replace(wait, tries=wait.tries + 1, tried_ms=order.intended_ms)
            self.plans[order.signal_key] = fact.plan
            self._answer(order.signal_key)
            self.last_entry[order.symbol] = order.intended_ms / 1000
            self.entries.add(order.intended_ms)
            self.quarantine.record_entry(order.symbol, order.intended_ms / 1000)
            self.strategy_quarantine.record_entry(fact.plan.counts_for, order.intended_ms / 1000)

    def _sent(self, fact: f.OrderSent) -> None:
        order = self.orders[fact.client_order_id]
        status = hear(order.status, Heard.STARTED).status
        if status is not order.status:
            self.put(order._replace(status=status, sent_ms=fact.ms))
        self.orders_count += 1
        self.last_order_time = max(self.last_order_time, fact.ms / 1000)

    def _seen(self, fact: f.OrderSeen) -> None:
        before = self.orders[fact.client_order_id]
        contradiction = before.contradiction
        if before.status.is_terminal and fact.status is not before.status:
            contradiction = f"{before.status} here, but the exchange says {fact.status}"
        status = before.status if before.status.is_terminal else fact.status
        after = before._replace(
            status=status,
            order_id=before.order_id if fact.order_id is None else fact.order_id,
            is_claimed=before.is_claimed if fact.order_id is None else fact.claimed,
            executed=before.filled_by_trades if fact.gives_up else max(before.executed, fact.executed),
            quantity=before.quantity if fact.quantity is None else fact.quantity,
            updated_ms=max(before.updated_ms, fact.ms),
            reason=fact.reason or ("" if status.is_working else before.reason),
            code=fact.code,
            contradiction=contradiction,
        )
        self.put(after)
        if before.leg is Leg.ENTRY and status.is_rejected:
            self.waits.pop(before.signal_key, None)
        if fact.counts:
            self.quarantine.count_failure(before.symbol)
        elif before.leg is Leg.ENTRY and status.is_terminal and not before.executed:
            # A probe that never was one: the next entry is the probe.
            self.quarantine.reset_probe(before.symbol)
            self._reset_strategy_probe(before)
        if status.is_terminal and not before.status.is_terminal:
            self._tidy(before.symbol)
        self._watch_protection(before.symbol, fact.ms)

    def _filled(self, fact: f.OrderFilled) -> None:
        before, fill = self.orders[fact.client_order_id], fact.fill
        held = self.quantity(before.symbol)
        # First what may fail: a trade that cannot be counted changes nothing.
        bookings = bookings_of(fact, self.holdings, self.orders)
        known = (*before.fills, fill)
        status = before.status if before.status.is_terminal else fact.status
        executed = max(before.executed, sum((one.quantity for one in known), ZERO))
        order = before._replace(
            status=status, order_id=fact.order_id, fills=known, executed=executed,
            updated_ms=max(before.updated_ms, fill.time), is_claimed=fact.claimed,
        )  # fmt: skip
        self.put(order)
        self.fills_count += 1
        for booking in bookings:
            self._take_booking(booking)
        if order.side == "BUY":
            self.waits.pop(order.signal_key, None)
            self._grow_position(order, fill, self.quantity(order.symbol) - held)
        elif order.leg is Leg.EXIT:
            self._shrink_position(order, fill)
        plan = self.plans.get(order.signal_key)
        if order.leg is Leg.STOP and plan is not None and plan.cooldown_ms:
            self.paused_until[plan.strategy, order.symbol] = (fill.time + plan.cooldown_ms) / 1000
        if order.side == "SELL":
            self._count_result(before, order)
        if status.is_terminal and not before.status.is_terminal:
            self._tidy(order.symbol)
        self._watch_protection(order.symbol, fill.time)

    def _reset_strategy_probe(self, order: OrderRecord) -> None:
        plan = self.plans.get(order.signal_key)
        if plan is not None:
            self.strategy_quarantine.reset_probe(plan.counts_for)

    def _count_result(self, before: OrderRecord, order: OrderRecord) -> None:
        """Count a stop that lost; a profit ends the count."""
        position, average = self.positions.get(order.symbol), order.average_price
        if position is None or average is None or not is_complete(order) or is_complete(before):
            return
        names = (self.quarantine, order.symbol), (self.strategy_quarantine, position.plan.counts_for)
        for quarantine, name in names:
            if average > position.average_price:
                quarantine.forget_stops(name)
            elif name and self._is_stop(order, average, position):
                quarantine.count_stop(name)

    def _is_stop(self, order: OrderRecord, average: Decimal, position: Position) -> bool:
        """Whether a sale counts as a stop: the trader's own does, too, at a price at or below the stop."""
        if order.leg is Leg.STOP:
            return True
        mine = (
            one for one in self.orders_of(order.symbol) if one.signal_key == order.signal_key and one.side == "SELL"
        )
        others = (one.average_price for one in mine if one.client_order_id != order.client_order_id)
        is_first = not any(price is not None and price <= position.plan.stop_loss for price in others)
        return order.leg is Leg.EXIT and average <= position.plan.stop_loss and is_first

    def _take_bookings(self, fact: f.Fact) -> None:
        for booking in bookings_of(fact, self.holdings, self.orders):
            self._take_booking(booking)

    def _take_booking(self, booking: Booking) -> None:
        self.holdings[booking.holding.symbol] = booking.holding
        if self.money is not None and booking.holding.quote == self.money.asset:
            self.money = self.money.book(booking)

    def _grow_position(self, order: OrderRecord, fill: TradeFill, more: Decimal) -> None:
        position = self.positions.get(order.symbol)
        if position is not None:
            self.positions[order.symbol] = position._replace(
                plan=self._plan_after(position.plan, self.plans.get(order.signal_key)),
                bought=add(position.bought, fill.quantity),
                spent=add(position.spent, fill.quote_quantity),
                opened_ms=position.opened_ms or fill.time,
                part=_with_more(position.part, more),
            )

    def _plan_after(self, plan: Plan, bought_by: Plan | None) -> Plan:
        """Return the plan of a position after a purchase; of its own entry, it is as it was."""
        if bought_by is None or not bought_by.adds or bought_by.signal_key == plan.signal_key:
            return plan
        if bought_by.strategy != plan.strategy:
            return plan
        after = self.plans[plan.signal_key] = plan.with_added(bought_by)
        return after

    def _shrink_position(self, order: OrderRecord, fill: TradeFill) -> None:
        """Take what a part exit sold out of what was bought: dust and prices are judged by what stays."""
        position = self.positions.get(order.symbol)
        if position is None or position.part is None or fill.quantity >= position.bought:
            return
        self.positions[order.symbol] = position._replace(
            bought=subtract(position.bought, fill.quantity),
            spent=subtract(position.spent, share_of(position.spent, fill.quantity, position.bought)),
        )

    def _tidy(self, symbol: str) -> None:
        """Drop the oldest ended orders of a symbol, and plans that nothing follows any more."""
        position = self.positions.get(symbol)
        ended = [name for name in self.by_symbol[symbol] if name not in self.live and name not in self.claimed]
        for order in [self.orders[name] for name in ended[:-ENDED_KEPT]]:
            if position is None or order.signal_key != position.plan.signal_key:
                self.forgotten[symbol] = max(self.forgotten.get(symbol, -1), order.order_id or -1)
                del self.orders[order.client_order_id]
                del self.by_symbol[symbol][order.client_order_id]
                self._traded_ms.pop(symbol, None)
                self._forget(order.signal_key, symbol)

    def _forget(self, signal_key: str, symbol: str) -> None:
        """Drop plan and numbers of a signal, if nothing follows it any more."""
        if signal_key not in self.waits and all(one.signal_key != signal_key for one in self.orders_of(symbol)):
            self.plans.pop(signal_key, None)
            self.numbers.pop(signal_key, None)

    def _answer(self, signal_key: str) -> None:
        self.answered[signal_key] = None
        while len(self.answered) > ANSWERED_KEPT:
            del self.answered[next(iter(self.answered))]

    def _waits(self, fact: f.EntryWaits) -> None:
        self._answer(fact.signal_key)
        self.waits[fact.signal_key] = PriceWait(fact.signal, fact.until_ms)

    def _denied(self, fact: f.SignalDenied) -> None:
        self._answer(fact.signal_key)
        if fact.code != DenialReason.DUPLICATE_SIGNAL and self.waits.pop(fact.signal_key, None) is not None:
            self._forget(fact.signal_key, fact.symbol)
        self.denials_count += 1

    # Positions

    def _moved(self, fact: f.PositionMoved) -> None:
        position = self.positions.get(fact.symbol)
        if not fact.after.is_open:
            if position is not None:
                self._end_naked(position, fact.ms)
                # A probe without a result: the next entry is one again.
                self.quarantine.reset_probe(fact.symbol)
                self.strategy_quarantine.reset_probe(position.plan.counts_for)
            self.positions.pop(fact.symbol, None)
            return
        if position is None:
            # Without a plan there is no stop: it is sold.
            plan = self.plans.get(fact.signal_key) or Plan(fact.signal_key, "", "", ZERO)
            position = Position(fact.symbol, fact.after, plan)
        self.positions[fact.symbol] = position._replace(state=fact.after, was_naked=None)
        if fact.after.is_protected:
            self.quarantine.forget_failures(fact.symbol)
        self._watch_protection(fact.symbol, fact.ms)

    def _exit_wanted(self, fact: f.ExitWanted) -> None:
        position = self.positions.get(fact.symbol)
        if position is not None:
            self.positions[fact.symbol] = position._replace(
                exit_reason=fact.reason, exit_signal=fact.signal_key, part=None
            )
        if fact.signal_key:
            self._answer(fact.signal_key)

    def _part_wanted(self, fact: f.PartExitWanted) -> None:
        if (position := self.positions.get(fact.symbol)) is not None:
            part = PartExit(fact.signal_key, fact.keep, fact.reason, fact.ms)
            self.positions[fact.symbol] = position._replace(part=part)
        self._answer(fact.signal_key)

    def _part_ended(self, fact: f.PartExitEnded) -> None:
        if (position := self.positions.get(fact.symbol)) is not None:
            self.positions[fact.symbol] = position._replace(part=None)

    def _stop_moved(self, fact: f.StopMoved) -> None:
        if (position := self.positions.get(fact.symbol)) is not None:
            plan = replace(position.plan, stop_loss=fact.stop_loss)
            self.positions[fact.symbol] = position._replace(plan=plan)
            self.plans[plan.signal_key] = plan

    def _adopted(self, fact: f.PositionAdopted) -> None:
        self.plans[fact.plan.signal_key] = fact.plan
        self._take_bookings(fact)
        position = self.positions.get(fact.symbol) or Position(fact.symbol, PositionState.OPENING, fact.plan)
        self.positions[fact.symbol] = position._replace(
            opened_ms=position.opened_ms or fact.ms,
            bought=add(position.bought, fact.quantity),
            spent=add(position.spent, multiply(fact.quantity, fact.price)),
            exit_reason=position.exit_reason or fact.exit_reason,
            part=None if fact.exit_reason else _with_more(position.part, fact.quantity),
        )
        self._watch_protection(fact.symbol, fact.ms)

    def _holding_accepted(self, fact: f.HoldingAccepted) -> None:
        self._take_bookings(fact)

    def _watch_protection(self, symbol: str, ms: int) -> None:
        """Begin or end the naked time of a position, by the exchange's times."""
        position = self.positions.get(symbol)
        if position is None:
            return
        # A remainder of an earlier sale is no exposure, also while the next entry is on its way.
        is_over = not position.bought or self.quantity(symbol) <= position.bought * DUST_SHARE
        if is_over or self.working_stops(symbol):
            self._end_naked(position, ms)
        elif position.naked is None:
            kind = self._naked_kind(position)
            self.positions[symbol] = position._replace(naked=NakedSpan(kind, ms))

    def _naked_kind(self, position: Position) -> NakedKind:
        is_leaving = position.exit_reason or position.part is not None
        if is_leaving or any(self.awaits_fill(order) for order in self.live_of(position.symbol)):
            return NakedKind.EXIT
        mine = [one for one in self.orders_of(position.symbol) if one.signal_key == position.plan.signal_key]
        # An earlier entry of the signal bought nothing: its stop never was one.
        entries = (one for one in mine if one.leg is Leg.ENTRY)
        missed = {one.list_client_order_id for one in entries if one.status.is_terminal and not one.executed}
        stops = [one for one in mine if one.leg is Leg.STOP and one.list_client_order_id not in missed - {None}]
        if all(stop.status.is_unseen for stop in stops):
            return NakedKind.ENTRY_LIST if stops else NakedKind.ENTRY_OCO
        moved = any(stop.stop_price is not None and stop.stop_price < position.plan.stop_loss for stop in stops)
        return NakedKind.TRAIL if moved else NakedKind.LOST

    def _end_naked(self, position: Position, ms: int) -> None:
        if position.naked is not None:
            took = self.naked.add(position.naked, ms)
            self.positions[position.symbol] = position._replace(naked=None, was_naked=(position.naked.kind, took))

    # Doubts, quarantine, money

    def _doubt_raised(self, fact: f.DoubtRaised) -> None:
        self.doubts.setdefault(fact.symbol, {})[fact.kind] = fact.text

    def _doubt_ended(self, fact: f.DoubtEnded) -> None:
        kinds = self.doubts.get(fact.symbol, {})
        text = kinds.pop(fact.kind, None)
        if not kinds:
            self.doubts.pop(fact.symbol, None)
        if text is not None and fact.person and fact.kind in EVIDENCED_DOUBTS:
            accepted = self.accepted.setdefault((fact.symbol, fact.kind), {})
            accepted[text] = None
            if len(accepted) > ACCEPTED_KEPT:
                del accepted[next(iter(accepted))]

    def _symbol_failed(self, fact: f.SymbolFailed) -> None:
        self.quarantine.count_failure(fact.symbol)

    def _quarantine_began(self, fact: f.QuarantineBegan) -> None:
        of = self.strategy_quarantine if fact.strategy else self.quarantine
        name = fact.strategy or fact.symbol
        of.put(name, fact.reason, fact.failures, fact.since, fact.until, fact.cause, fact.person)

    def _quarantine_ended(self, fact: f.QuarantineEnded) -> None:
        of = self.strategy_quarantine if fact.strategy else self.quarantine
        of.release(fact.strategy or fact.symbol, fact.cause)

    def _locked(self, fact: f.SymbolLocked) -> None:
        self.locks.setdefault(fact.symbol, Lock(fact.person, fact.why, fact.ms))
        if fact.foreign:
            self.foreign_sale = ForeignSale(fact.person, fact.why, fact.ms)

    def _foreign_sale_planned(self, fact: f.ForeignSalePlanned) -> None:
        if self.foreign_sale is not None:
            self.foreign_sale = self.foreign_sale._replace(coins=fact.coins, left=fact.left)

    def _unlocked(self, fact: f.SymbolUnlocked) -> None:
        self.locks.pop(fact.symbol, None)
        if not fact.symbol:
            self.foreign_sale = None

    def _account_opened(self, fact: f.AccountOpened) -> None:
        day = fact.ms // 86_400_000
        realized = ZERO if self.money is None else self.money.realized
        held = [one for one in self.holdings.values() if one.quote == fact.asset]
        self.money = account_money.open_money(fact.asset, fact.quantity, day, holdings=held, realized=realized)

    def _funds_moved(self, fact: f.FundsMoved) -> None:
        if self.money is not None and fact.asset == self.money.asset:
            moved = self.money.deposit(fact.change)
            self.money = moved if fact.peak is None else replace(moved, peak=fact.peak)

    def _equity_marked(self, fact: f.EquityMarked) -> None:
        if self.money is not None:
            self.money = self.money.mark(fact.equity, fact.day)

    def _loss_limit_reached(self, fact: f.LossLimitReached) -> None:
        self.losses[fact.limit] = LossHold(fact.tier, fact.equity, fact.base, fact.share, fact.day, fact.ms)

    def _loss_limit_ended(self, fact: f.LossLimitEnded) -> None:
        self.losses.pop(fact.limit, None)
        if self.money is not None and fact.peak is not None:
            self.money = replace(self.money, peak=fact.peak)

    def _commission_valued(self, fact: f.CommissionValued) -> None:
        self._take_bookings(fact)


def _with_more(part: PartExit | None, more: Decimal) -> PartExit | None:
    """Return a part exit that sells nothing of what came in since it was asked for."""
    return None if part is None else part._replace(keep=add(part.keep, more))


_APPLY: dict[type[f.Fact], Callable[[Book, Any], None]] = {
    f.OrderIntended: Book._intended,
    f.OrderSent: Book._sent,
    f.OrderSeen: Book._seen,
    f.OrderFilled: Book._filled,
    f.SignalDenied: Book._denied,
    f.EntryWaits: Book._waits,
    f.ExitWanted: Book._exit_wanted,
    f.PartExitWanted: Book._part_wanted,
    f.PartExitEnded: Book._part_ended,
    f.StopMoved: Book._stop_moved,
    f.PositionMoved: Book._moved,
    f.PositionAdopted: Book._adopted,
    f.DoubtRaised: Book._doubt_raised,
    f.DoubtEnded: Book._doubt_ended,
    f.HoldingAccepted: Book._holding_accepted,
    f.SymbolFailed: Book._symbol_failed,
    f.QuarantineBegan: Book._quarantine_began,
    f.QuarantineEnded: Book._quarantine_ended,
    f.SymbolLocked: Book._locked,
    f.SymbolUnlocked: Book._unlocked,
    f.ForeignSalePlanned: Book._foreign_sale_planned,
    f.AccountOpened: Book._account_opened,
    f.FundsMoved: Book._funds_moved,
    f.EquityMarked: Book._equity_marked,
    f.LossLimitReached: Book._loss_limit_reached,
    f.LossLimitEnded: Book._loss_limit_ended,
    f.CommissionValued: Book._commission_valued,
}
