"""Judges what becomes of coins of others: sold only under a flatten that says so, what was there then, all of it."""

from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.trading.core import facts as f
from cq_tui.trading.money.sellable import sellable_parts
from tests.trading.world import happenings as h
from tests.trading.world.happenings import Fate
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.process import Process
    from tests.trading.world.world import World

ZERO = Decimal(0)
#: So far (share) the bid may have moved since it was asked for.
_MOVE = Decimal("0.15")
#: An answer may be so old (ms).
_TRAVEL_MS = 100
#: After so long, what there is to sell is noted although our own orders are still open.
_PATIENCE_MS = 9_000


class ForeignWatch:
    """Watches one world."""

    def __init__(self, world: "World", truth: Truth) -> None:
        self._world = world
        self._truth = truth
        #: By asset: what was foreign when a person wanted it sold, or when that was planned; None without such a wish.
        self._wanted: dict[str, Decimal] | None = None
        #: The least that was foreign since, and whether the trader has made its plan.
        self._least: dict[str, Decimal] = {}
        self._is_planned = False
        self._asked_at = 0
        #: What was foreign when it was last looked at; and when it changed, and from what.
        self._known: dict[str, Decimal] = {}
        self._changed: dict[str, tuple[int, Decimal]] = {}

    def watch_command(self, order: h.Order) -> None:
        """A person asks for something."""
        if order.kind == "flatten" and order.foreign:
            self._wanted, self._least, self._is_planned = self._foreign(), {}, False
            self._asked_at = self._world.now
        elif order.kind == "resume" and not order.symbol:
            self._wanted = None

    def watch_birth(self, process: "Process") -> None:
        """A process begins: a plan that it does not know is made anew."""
        sale = process.core.book.foreign_sale
        if sale is None or sale.coins is None:
            self._is_planned = False

    def watch_plan(self, fact: f.ForeignSalePlanned) -> None:
        """The trader notes what it is to sell."""
        if self._wanted is None:
            raise Violation(f"{dict(fact.coins)} of others are to be sold, and nobody wants it")
        if not self._is_planned:
            self._is_planned = True
            now = self._foreign()
            most = {asset: max(self._wanted.get(asset, ZERO), amount) for asset, amount in now.items()}
            if self._world.now - self._asked_at > _PATIENCE_MS:
                # What is ours was not sold yet, and may be foreign as far as the trader can know.
                most = {asset: amount + self._truth.owned[f"{asset}USDT"] for asset, amount in most.items()}
            # What came while the account was read may be in it or not.
            self._least = {asset: min(self._wanted.get(asset, ZERO), amount) for asset, amount in now.items()}
            self._wanted = most

    def watch_adoption(self, fact: f.PositionAdopted) -> None:
        """Coins of others become ours."""
        if not fact.exit_reason:
            return
        asset, quantity = fact.base_asset, fact.quantity
        bid = self._world.venue.price(fact.symbol)
        if not bid * (1 - _MOVE) <= fact.price <= bid / (1 - _MOVE):
            raise Violation(f"{quantity} {asset} are counted at {fact.price}, the bid is {bid}")
        wanted, foreign = (self._wanted or {}).get(asset, ZERO), self._foreign()[asset]
        # A withdrawal of this moment is not known yet.
        since, before = self._changed.get(asset, (0, ZERO))
        known = max(foreign, before) if self._world.now - since < _TRAVEL_MS else foreign
        if quantity > min(wanted, known) and not self._truth.is_wiped:
            raise Violation(f"{quantity} {asset} are to be sold; {wanted} were wanted, {foreign} are there")
        self._least[asset] = max(self._least.get(asset, ZERO) - quantity, ZERO)

    def is_sold(self, symbol: str) -> bool:
        """Whether a position is only there to be sold: it never had a stop."""
        process = self._world.process
        position = None if process is None else process.core.book.positions.get(symbol)
        return position is not None and position.plan.is_sale

    def watch_cancel(self, symbol: str, order_id: int) -> None:
        """An order is canceled by the exchange's id."""
        order = self._world.venue.state.orders.get((symbol, order_id))
        if order is None:
            return
        base, quote = self._world.venue.state.assets_of(symbol)
        asset = base if order.side == "SELL" else quote
        if self._wanted is None or asset not in self._wanted or self._truth.is_ours(order):
            raise Violation(f"order {order_id} in {symbol} is canceled, and nobody wants its {asset} sold")

    def watch(self) -> None:
        """Look at the account at any time."""
        for asset, amount in self._foreign().items():
            if amount != self._known.get(asset, amount):
                self._changed[asset] = self._world.now, self._known[asset]
            self._known[asset] = amount
            if self._is_planned:
                self._least[asset] = min(self._least.get(asset, ZERO), amount)

    def unrest(self, process: "Process") -> list[str]:
        """Return what is left to do."""
        sale = process.core.book.foreign_sale
        if self._wanted is None or sale is None:
            return []
        waits = process.core.situation.foreign_progress.waits
        if sale.coins is None:
            return ["what of others is to be sold is not known yet"]
        found = [f"{asset} of others: {waits.get(asset)}" for asset in sale.coins if not self._is_closed(asset)]
        kept = sale.left if self._are_cancels_refused() else {}
        return found or [problem for asset in self._least if asset not in kept and (problem := self._left(asset))]

    def _are_cancels_refused(self) -> bool:
        """Whether an order of others may stay, and keep its coins, because its cancel is refused again and again."""
        faults = (one for one in self._world.plan.happenings if isinstance(one, h.Request))
        return any(one.fate is Fate.REFUSED and one.kind in ("", "CancelOrder") for one in faults)

    def _left(self, asset: str) -> str | None:
        venue, symbol = self._world.venue, f"{asset}USDT"
        amount = self._least[asset]
        if any(isinstance(one, h.Gone) and one.symbol == symbol for one in self._world.plan.happenings):
            # While it is not listed, there is no market for it.
            return None
        if self._is_closed(asset) or not sellable_parts(venue.rules(symbol), amount, venue.price(symbol)).parts:
            return None
        return f"{amount} {asset} of others could still be sold"

    def _is_closed(self, asset: str) -> bool:
        return bool(self._world.venue.why_closed(f"{asset}USDT"))

    def _foreign(self) -> dict[str, Decimal]:
        """Return what is not ours, by base asset."""
        state, found = self._world.venue.state, {}
        for symbol in self._world.venue.market.column:
            base, _ = state.assets_of(symbol)
            balance = state.balances[base]
            owned = sum((one.judge.truth.owned[symbol] for one in self._world.traders()), ZERO)
            found[base] = max(balance.free + balance.locked - owned, ZERO)
        return found
