"""All that the core decides by: the book, and what it knows only while it runs."""

from collections.abc import Iterator
from decimal import Decimal
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.rules_refresh import RulesRefresh
from cq_tui.binance.types import Balance, Order
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import EVIDENCED_DOUBTS, Book
from cq_tui.trading.core.effects import (
    CHANGES,
    CancelList,
    CancelOrder,
    Effect,
    QueryOrder,
    Record,
    ReplaceOrder,
    Request,
    Urgency,
)
from cq_tui.trading.core.foreign_progress import ForeignProgress
from cq_tui.trading.core.inputs import HealthSeen, OwnerSeen
from cq_tui.trading.core.lane import Flight, Inquiry, Lane
from cq_tui.trading.core.locked import locked_by_others
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.limits.losses import LossLimit, LossTier

ZERO = Decimal(0)
#: A quote older than this (seconds) decides nothing.
QUOTE_LIMIT = 10.0
#: Seconds between reconciliations while all is well, and while something is in doubt.
INTERVAL, INTERVAL_IN_DOUBT = 60.0, 10.0
#: Kinds of doubt whose text tells how it is now, and not what first raised them.
CURRENT_DOUBTS = frozenset({"balance"})
#: The answer to a change is awaited for so many seconds before its orders are asked for.
LATE = 1.0
#: Evidence kept of one doubt.
_EVIDENCE_KEPT = 100
_FIRST_ACCOUNT_PAUSE, _LONGEST_ACCOUNT_PAUSE = 1.0, 10.0
#: Balances are read for evidence about an order no more often than this (seconds).
_EVIDENCE_PAUSE = 2.0


class Situation:
    """The state of the core. ``record`` and ``send`` are the only ways by which decisions leave it."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.settings = TraderSettings()
        self.health = HealthSeen(HealthReport(), HealthReport(), HealthReport())
        self.owner = OwnerSeen(book.owner)
        # Each minute: a halt is seen although nothing was refused.
        self.rules = RulesRefresh(period=60.0)
        self.symbol_rules: dict[str, SymbolRules] = {}
        #: When rules have to be read next (Unix seconds, the exchange's).
        self.rules_due = inf
        #: Symbols that do not trade, with the reason.
        self.left_out: dict[str, str] = {}
        self.balances: dict[str, Balance] = {}
        #: When the exchange last changed the balances (Unix ms).
        self.balances_ms = 0
        #: When the account was last read, and when the stream last told of an asset (the exchange's Unix ms).
        self.account_ms = 0
        self.asset_ms: dict[str, int] = {}
        #: Counts trades and balances that are told, for those with one time; by asset, the number of the last trade of
        #: ours, and of the last balance. Of the account, as of its request.
        self.news = self.account_news = 0
        self.trade_news: dict[str, int] = {}
        self.asset_news: dict[str, int] = {}
        #: By asset: what orders of others lock of it, as it was last certain.
        self.locked: dict[str, Decimal] = {}
        #: By asset: when our trades moved how much of it, and by which news, while its balance does not show it yet.
        self.unshown: dict[str, list[tuple[int, Decimal, int]]] = {}
        self.permissions: frozenset[str] = frozenset()
        self.taker_commission = Decimal("0.001")
        self.stream_problem: str | None = "not subscribed yet"
        #: Whether that is silence: something happened that the stream did not tell, although it is not broken.
        self.is_stream_silent = False
        #: What happened from then on is told (Unix ms, the exchange's).
        self.stream_since_ms = 0
        #: Why the exchange cannot be reached or refuses us; None if the last answer was one.
        self.exchange_problem: str | None = None
        self.is_reconciled = False
        self.has_account = self.has_open_orders = False
        self.can_trade = True
        #: Differences between balances and book, seen once.
        self.misfits: dict[str, Decimal] = {}
        #: Deposits and withdrawals up to then (Unix ms, the exchange's) are in the book.
        self.funds_ms = -1
        self.funds_seen: dict[tuple[int, str, Decimal], None] = {}
        self.commissions_due = -inf
        self.is_reading_commissions = False
        #: Amounts of assets that are not ours, as of the last quiet reconciliation; negative where ours are missing.
        self.foreign: dict[str, Decimal] = {}
        #: When that was (Unix ms, the exchange's): what others traded before is counted in it.
        self.foreign_ms = -1
        #: Deposits and withdrawals up to then (Unix ms, the exchange's) are in it.
        self.coins_ms = -1
        #: Whether such a reconciliation has been.
        self.is_quiet_known = False
        #: When balances were last read in full (Unix seconds, the exchange's), by the time of the request.
        self.account_at = -inf
        #: Open orders that are not in the book, by symbol and id, as they were last read.
        self.other_orders: dict[tuple[str, int], Order] = {}
        self.foreign_progress = ForeignProgress()
        #: When open orders were last read (Unix seconds, the exchange's), by the time of the request.
        self.open_orders_at = -inf
        #: When an order of the first version that is not ours was last heard of (Unix seconds, the exchange's).
        self.first_version_at = -inf
        #: By symbol and kind: all evidence of a doubt, which names only the first.
        self.evidence: dict[tuple[str, str], dict[str, None]] = {}
        self.lanes: dict[str, Lane] = {}
        self.flights: dict[int, Flight] = {}
        self._flights_of: dict[str, dict[int, Flight]] = {}
        #: Signals answered by this process: a second one with the same key is refused by name.
        self.answered_here: set[str] = set()
        #: Counts whatever moves at the account: requests that change something, reports.
        self.activity = 0
        #: Counts facts: what they decide has to be looked at again.
        self.facts_count = 0
        self.moment = Moment(0.0, 0.0)
        #: When losses are looked at again (Unix seconds, the exchange's).
        self.losses_due = -inf
        #: The limits that seem to be reached: which tier, and since when.
        self.losses_seen: dict[LossLimit, tuple[LossTier, float]] = {}
        #: When the account as a whole is looked at again (Unix seconds, the exchange's).
        self.account_due = -inf
        #: When balances alone are read, as evidence about an order, and when they were last asked for.
        self.balances_due, self.balances_asked_at = inf, -inf
        #: Seconds until then while the account does not come to rest: longer each time.
        self.account_pause = _FIRST_ACCOUNT_PAUSE
        self.dirty: dict[str, None] = {}
        self._effects: list[Effect] = []
        self._facts: list[f.Fact] = []
        self._number = 0

    # Time

    @property
    def now(self) -> float:
        """The exchange's time, Unix seconds."""
        return self.moment.exchange

    @property
    def ms(self) -> int:
        """The exchange's time, Unix milliseconds."""
        return self.moment.ms

    def clock_was_set_back(self) -> None:
        """Let nothing wait for a time, or count as read at one, that is now far ahead."""
        self.account_due, self.commissions_due = min(self.account_due, self.now), min(self.commissions_due, self.now)
        self.rules_due, self.losses_due = min(self.rules_due, self.now), min(self.losses_due, self.now)
        self.losses_seen.clear()
        self.account_at = self.open_orders_at = self.balances_asked_at = -inf
        self.first_version_at = min(self.first_version_at, self.now)
        self.foreign_progress = ForeignProgress()
        self.locked.clear()
        # Where the exchange's clock was set back itself, what it dates now is not older than what it dated before.
        self.balances_ms, self.account_ms = min(self.balances_ms, self.ms), min(self.account_ms, self.ms)
        self.asset_ms = {asset: min(ms, self.ms) for asset, ms in self.asset_ms.items()}
        self.foreign_ms, self.coins_ms = min(self.foreign_ms, self.ms), min(self.coins_ms, self.ms)
        self.stream_since_ms = min(self.stream_since_ms, self.ms)
        for flight in self.flights.values():
            flight.began = min(flight.began, self.now)
            flight.ask_at = min(flight.ask_at, self.now + LATE)
        for lane in self.lanes.values():
            lane.clock_was_set_back(self.now)

    # What is known

    def lane(self, symbol: str) -> Lane:
        """Return the lane of a symbol."""
        lane = self.lanes.get(symbol)
        if lane is None:
            lane = self.lanes[symbol] = Lane(symbol)
        return lane

    def touch(self, symbol: str) -> None:
        """Look at a symbol before this step ends."""
        self.dirty[symbol] = None

    def bid(self, symbol: str) -> Decimal | None:
        """Return the best bid if it is fresh."""
        lane = self.lanes.get(symbol)
        quote = None if lane is None else lane.quote
        return quote.bid if quote is not None and quote.bid > 0 and self.now - quote.time <= QUOTE_LIMIT else None

    def last_price(self, symbol: str) -> Decimal | None:
        """Return the price of the last trade if the quote is fresh."""
        if self.bid(symbol) is None:
            return None
        quote = self.lanes[symbol].quote
        assert quote is not None
        return quote.last if quote.last > 0 else quote.bid

    def last_bid(self, symbol: str) -> Decimal | None:
        """Return the last known best bid, however old, for what has to be valued."""
        lane = self.lanes.get(symbol)
        return None if lane is None or lane.quote is None or lane.quote.bid <= 0 else lane.quote.bid

    def price_of(self, asset: str) -> Decimal | None:
        """Return the price of an asset in the quote asset; None if it is not known."""
        return self.last_bid(f"{asset}{self.settings.quote}")

    def available(self, symbol: str) -> Decimal:
        """Return what of the own coins an order can sell: less than the book says, where the account holds less."""
        held = self.book.holdings.get(symbol)
        if held is None:
            return ZERO
        if "balance" not in self.book.doubts.get(symbol, {}):
            return held.quantity
        balance = self.balances.get(held.base)
        return min(held.quantity, ZERO if balance is None else balance.total)

    def sellable(self, symbol: str) -> Decimal:
        """Return what of the own coins an order can have, as far as that is known: one for more would be refused.

        A balance from before the last known trade says nothing yet.
        """
        known = self._known_balance(symbol)
        if known is None:
            return self.available(symbol)
        return min(self.available(symbol), max(known.total - self.locked_by_others(symbol), ZERO))

    def locked_by_others(self, symbol: str) -> Decimal:
        """Return what of the base asset orders that are not ours lock, as far as that is known.

        After news of our own orders the balance is behind for a moment: then by what was last certain, or an exit that
        has canceled the stop would try for coins that it cannot have.
        """
        known = self._known_balance(symbol)
        if known is None:
            return ZERO
        base = self.book.holdings[symbol].base
        orders = (order for name in self._symbols_of_base(base) for order in self.book.orders_of(name))
        sells = (order for order in orders if order.side == "SELL")
        # What was read shows all that happened before it was asked for.
        read_ms = int(self.account_at * 1000) if self.account_at > 0 else 0
        certain = locked_by_others(sells, known, max(self._known_ms(symbol), read_ms)) if known.locked else ZERO
        if certain is not None:
            self.locked[base] = certain
        return min(self.locked.get(base, ZERO), known.locked)

    def _known_balance(self, symbol: str) -> Balance | None:
        """Return the balance of a held base asset; None if it is from before the last known trade."""
        held, known_ms = self.book.holdings.get(symbol), self._known_ms(symbol)
        if held is None or not known_ms:
            return None
        traded_ms = max(map(self.book.traded_ms, self._symbols_of_base(held.base)))
        if not self.shows(held.base, traded_ms, self.trade_news.get(held.base, 0)):
            return None
        return self.balances.get(held.base, Balance(held.base, ZERO, ZERO))

    def _known_ms(self, symbol: str) -> int:
        held = self.book.holdings.get(symbol)
        return 0 if held is None else self.shown_ms(held.base)

    def shown_ms(self, asset: str) -> int:
        """Return as of when the balance of an asset is known (Unix ms, the exchange's); 0 if it is not."""
        return max(self.account_ms, self.asset_ms.get(asset, 0))

    def shows(self, asset: str, traded_ms: int, news: int) -> bool:
        """Whether the known balance of an asset shows a trade of this time, told as this piece of ``news``.

        Several things happen within one of the exchange's milliseconds: then what was told last is newer.
        """
        shown_ms = self.shown_ms(asset)
        if traded_ms == shown_ms:
            return max(self.account_news, self.asset_news.get(asset, 0)) >= news
        return traded_ms < shown_ms

    def _symbols_of_base(self, base: str) -> Iterator[str]:
        """Yield the symbols with this base asset."""
        return (held.symbol for held in self.book.holdings.values() if held.base == base)

    def own(self, asset: str) -> Decimal:
        """Return how much of an asset is ours, by the book."""
        return sum((held.quantity for held in self.book.holdings.values() if held.base == asset), ZERO)

    def undecided_ids(self, flight: Flight) -> list[str]:
        """Return the orders of a request whose state its answer is awaited for."""
        orders = self.book.orders
        return [name for name in flight.ids if name in orders and orders[name].status.is_undecided]

    def is_busy(self, symbol: str) -> bool:
        """Whether a change of the symbol is under way.

        A placement is over when all its orders were seen, a cancel when all have ended, by whatever came first; the
        answer may be late.
        """
        return bool(self.changes(symbol))

    def _is_over(self, flight: Flight) -> bool:
        known = [self.book.orders[name] for name in flight.ids if name in self.book.orders]
        if isinstance(flight.request, CancelOrder | CancelList):
            return bool(known) and all(order.status.is_terminal for order in known)
        return bool(flight.ids) and not any(order.status.is_undecided for order in known)

    def changes(self, symbol: str) -> list[Flight]:
        """Return the changes of a symbol whose answers are awaited, and needed."""
        # Mostly nothing is under way, and this is asked several times in each step.
        flights = self._flights_of.get(symbol)
        if not flights:
            return []
        return [one for one in flights.values() if isinstance(one.request, CHANGES) and not self._is_over(one)]

    def unanswered(self, symbol: str) -> Flight | None:
        """Return a change of a symbol whose answer is awaited, also where the account stream told all of it."""
        flights = self._flights_of.get(symbol)
        if not flights:
            return None
        return next((one for one in flights.values() if isinstance(one.request, CHANGES)), None)

    def is_canceling(self, symbol: str) -> bool:
        """Whether a request that cancels orders of ours is under way for the symbol."""
        flights = self._flights_of.get(symbol, {}).values()
        return any(isinstance(one.request, CancelOrder | CancelList | ReplaceOrder) for one in flights)

    def part(self, symbol: str) -> None:
        """Note that somebody else ended protection, and may have sold what it covered: the trades tell."""
        lane = self.lane(symbol)
        lane.parted_at, lane.scan_wanted = self.now, True
        self.touch(symbol)

    def is_reading(self, symbol: str, kind: type[Request]) -> bool:
        """Whether a request of this kind is under way for the symbol."""
        flights = self._flights_of.get(symbol)
        return flights is not None and any(isinstance(flight.request, kind) for flight in flights.values())

    def is_asking(self, symbol: str) -> bool:
        """Whether an order of the symbol is asked for; a routine look at its stop keeps no question waiting."""
        flights = self._flights_of.get(symbol, {}).values()
        asked = (flight.request for flight in flights if isinstance(flight.request, QueryOrder))
        return any(request.urgency is not Urgency.ROUTINE for request in asked)

    def land(self, number: int) -> Flight | None:
        """Return the request that an answer belongs to, once."""
        flight = self.flights.pop(number, None)
        if flight is not None:
            del self._flights_of[flight.request.symbol][number]
        return flight

    def set_stream(self, problem: str | None, *, is_silent: bool = False) -> None:
        """Take what is the matter with the account stream; None if nothing. What it did not tell is looked for."""
        self.stream_problem, self.is_stream_silent = problem, is_silent
        self.account_due = min(self.account_due, self.now)

    def look_at_account_again(self, at_least: float = 0.0) -> None:
        """Look at the account again soon; each time later, until it was found at rest."""
        self.account_due = min(self.account_due, self.now + max(self.account_pause, at_least))
        self.account_pause = min(self.account_pause * 2, _LONGEST_ACCOUNT_PAUSE)

    def ask_for_balances(self, pause: float = _EVIDENCE_PAUSE) -> None:
        """Have balances read soon: evidence about an order needs newer ones. Open orders are no evidence."""
        self.balances_due = min(self.balances_due, max(self.now, self.balances_asked_at + pause))

    def account_is_at_rest(self) -> None:
        """Note that nothing moved while the account was looked at."""
        self.account_pause = _FIRST_ACCOUNT_PAUSE

    # What leaves

    def record(self, *facts: f.Fact) -> None:
        """Apply facts to the book, and have them recorded."""
        self.facts_count += len(facts)
        for fact in facts:
            self.book.apply(fact)
            self._facts.append(fact)
            if isinstance(fact, f.OrderFilled):
                self.news += 1
                holding = self.book.holdings.get(self.book.orders[fact.client_order_id].symbol)
                if holding is not None:
                    self.trade_news[holding.base] = self.news
            elif isinstance(fact, f.PositionAdopted) and self.is_quiet_known:
                self._become_foreign(fact.base_asset, -fact.quantity)
            elif isinstance(fact, f.HoldingAccepted):
                self._become_foreign(self.book.holdings[fact.symbol].base, fact.quantity)

    def _become_foreign(self, asset: str, quantity: Decimal) -> None:
        """Take that coins of the account left the book without a trade; negative where they came into it."""
        self.foreign[asset] = self.foreign.get(asset, ZERO) + quantity

    def flush(self, *, durable: bool = False, needed_by: int | None = None) -> None:
        """Have what was recorded so far written before anything later leaves."""
        if self._facts:
            self._effects.append(Record(tuple(self._facts), durable, needed_by))
            self._facts.clear()

    def next_number(self) -> int:
        """Return the number of the next request."""
        self._number += 1
        return self._number

    def send(self, request: Request, ids: tuple[str, ...] = (), *, needs_record: bool = False) -> None:
        """Send a request. A change is preceded by a synced record of all facts; an entry is not sent without it."""
        is_change = isinstance(request, CHANGES)
        self.flush(durable=is_change, needed_by=request.number if needs_record else None)
        if is_change:
            self.activity += 1
            self.lane(request.symbol).wake_at(self.now + LATE)
        ask_at = self.now + LATE if is_change else inf
        flight = self.flights[request.number] = Flight(request, ids, self.now, self.activity, ask_at, self.news)
        self._flights_of.setdefault(request.symbol, {})[request.number] = flight
        self._effects.append(request)

    def take_effects(self) -> list[Effect]:
        """Return what this step wants done."""
        self.flush()
        effects, self._effects = self._effects, []
        return effects

    # Questions about orders

    def inquire(self, client_order_id: str, delay: float = 0.0) -> None:
        """Ask for the state of an order, after ``delay`` seconds."""
        order = self.book.orders[client_order_id]
        lane = self.lane(order.symbol)
        known = lane.inquiries.get(client_order_id)
        if known is None:
            lane.inquiries[client_order_id] = Inquiry(self.now, self.now + delay)
        else:
            known.next_at = min(known.next_at, self.now + delay)
        lane.wake_at(self.now + delay)
        self.touch(order.symbol)

    def doubt(self, symbol: str, kind: str, text: str) -> None:
        """Raise a doubt, unless there is one of this kind, or a person has accepted this evidence.

        A new one is looked into soon; one that tells amounts tells the present ones.
        """
        if text in self.book.accepted.get((symbol, kind), ()):
            return
        if kind in EVIDENCED_DOUBTS:
            evidence = self.evidence.setdefault((symbol, kind), {})
            evidence[text] = None
            if len(evidence) > _EVIDENCE_KEPT:
                del evidence[next(iter(evidence))]
        told = self.book.doubts.get(symbol, {}).get(kind)
        if told is None:
            self.account_due = min(self.account_due, self.now + INTERVAL_IN_DOUBT)
        if told is None or (kind in CURRENT_DOUBTS and told != text):
            self.record(f.DoubtRaised(symbol, kind, text, self.ms))

    def end_doubt(self, symbol: str, kind: str, how: str, person: str = "") -> None:
        """End a doubt, if there is one."""
        self.evidence.pop((symbol, kind), None)
        if kind in self.book.doubts.get(symbol, {}):
            self.record(f.DoubtEnded(symbol, kind, how, self.ms, person))

    def accept_doubt(self, symbol: str, kind: str, how: str, person: str) -> None:
        """End a doubt by a person's word, with all evidence of its kind that is known now."""
        for text in self.evidence.pop((symbol, kind), {}):
            if text != self.book.doubts[symbol][kind]:
                self.end_doubt(symbol, kind, how, person)
                self.record(f.DoubtRaised(symbol, kind, text, self.ms))
        self.end_doubt(symbol, kind, how, person)
