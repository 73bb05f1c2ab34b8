"""Sells coins that are not ours, where a person wants all of the account sold.

What is free of an asset becomes a position at the exchange's own bid of that moment, and is closed like any other: in
parts, never twice, also over restarts. Its worth moves start, day base and peak, so that only what the sale itself
gains or loses is a profit or a loss. Nothing is decided but by an account that was read while nothing moved.
"""

from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.types import BookTicker
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import coins_to_sell
from cq_tui.trading.core.effects import FetchBookTicker, Urgency
from cq_tui.trading.core.fence import was_read_since
from cq_tui.trading.core.foreign_orders import free_coins, why_locked
from cq_tui.trading.core.foreign_progress import Wait
from cq_tui.trading.core.foreign_sale import Left
from cq_tui.trading.core.inputs import Quote
from cq_tui.trading.core.knowing_rules import want_symbols
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plan import SOLD, Plan
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.exact import total
from cq_tui.trading.money.sellable import SaleParts, sellable_parts

ZERO = Decimal(0)
#: While something moves, balances are read again after so many seconds; after more when it takes long.
_PAUSE, _LONG_PAUSE = 1.0, 3.0
#: So long (ms) it waits for our own orders before it is noted what there is to sell.
_PATIENCE_MS = 10_000
#: The exchange's price counts for so many seconds.
_QUOTE_LIMIT = 5.0


def sell_foreign(s: Situation, *, at_rest: bool) -> None:
    """Take the next steps after the account was read. ``at_rest``: nothing moved since it was asked for."""
    if s.book.foreign_sale is None or s.book.money is None or s.book.money.asset != s.settings.quote:
        return
    blocked = _blocked(s)
    if not _is_pending(s) and not blocked:
        return
    if at_rest and s.is_reconciled:
        _plan(s)
        for asset, most in list(coins_to_sell(s.book).items()):
            _advance(s, asset, most)
        for asset in blocked:
            free_coins(s, asset, _locked(s, asset))
        want_symbols(s)
    waits = s.foreign_progress.waits
    if blocked or (
        _is_pending(s) and not all(asset in waits and waits[asset].lasts for asset in coins_to_sell(s.book) or ("",))
    ):
        s.ask_for_balances(_PAUSE if s.ms < s.book.foreign_sale.ms + _PATIENCE_MS else _LONG_PAUSE)


def _blocked(s: Situation) -> list[str]:
    """Return the assets whose coins became a position, and were locked since by orders of others."""
    held = (s.book.holdings[symbol] for symbol, position in s.book.positions.items() if position.plan.is_sale)
    return [one.base for one in held if one.base in s.balances and s.balances[one.base].free < one.quantity]


def foreign_amount(s: Situation, asset: str) -> Decimal:
    """Return how much of an asset is not ours, as far as balances and book are known."""
    balance = s.balances.get(asset)
    return ZERO if balance is None else max(balance.total - s.own(asset), ZERO)


def _is_pending(s: Situation) -> bool:
    return s.book.foreign_sale is not None and s.book.foreign_sale.is_pending


# What is to be sold


def _plan(s: Situation) -> None:
    """Note what there is to sell, once: nothing that comes to the account later.

    Our own coins are sold first. Where that takes long, it is not certain what is foreign, and the most is noted.
    """
    sale = s.book.foreign_sale
    if sale is None or sale.coins is not None:
        return
    assets = [asset for asset in s.balances if asset != s.settings.quote]
    if s.ms < sale.ms + _PATIENCE_MS and any(_unrest(s, asset) for asset in assets):
        return
    amounts = {asset: _most(s, asset) if _unrest(s, asset) else foreign_amount(s, asset) for asset in assets}
    coins = {asset: most for asset, most in amounts.items() if most > 0}
    s.record(f.ForeignSalePlanned(coins, {}, s.ms))
    s.flush(durable=True)


def _most(s: Situation, asset: str) -> Decimal:
    """Return the most that can be foreign: what our open sales may have sold already is taken for sold."""
    sold = sum((order.remaining for order in _live(s, asset) if order.side == "SELL"), ZERO)
    return s.balances[asset].total - max(s.own(asset) - sold, ZERO)


def _live(s: Situation, asset: str) -> list[OrderRecord]:
    symbols = _symbols_of(s, asset)
    return [order for order in s.book.live_orders() if order.symbol in symbols]


def _symbols_of(s: Situation, asset: str) -> set[str]:
    return {held.symbol for held in s.book.holdings.values() if held.base == asset} | {_market(s, asset)}


def _market(s: Situation, asset: str) -> str:
    return f"{asset}{s.settings.quote}"


# Step by step


def _advance(s: Situation, asset: str, most: Decimal) -> None:
    """Take the next step for the coins of an asset, or note why it waits."""
    progress = s.foreign_progress
    if (wait := _unrest(s, asset) or _is_new(s, asset)) is None:
        foreign = foreign_amount(s, asset)
        if foreign < most:
            most = foreign
            _note(s, asset, most)
        wait = _step(s, asset, most) if most else None
    if wait is None:
        progress.waits.pop(asset, None)
    else:
        progress.waits[asset] = wait


def _unrest(s: Situation, asset: str) -> Wait | None:
    """Return why it is not certain what of an asset is ours: orders of ours that may still buy or sell it."""
    for symbol in _symbols_of(s, asset):
        if s.is_busy(symbol):
            return Wait(f"a request for {symbol} is under way")
        if s.lane(symbol).strange:
            return Wait(f"a trade in {symbol} is not identified yet")
    for order in _live(s, asset):
        if order.status.is_undecided or order.lacks_trades:
            return Wait(f"the outcome of the {order.leg} order in {order.symbol} is awaited")
        lane = s.lane(order.symbol)
        if order.side == "BUY" or not lane.stuck:
            return Wait(f"the {order.leg} order in {order.symbol} is still open")
        if not was_read_since(s, lane, (order,)):
            return Wait(f"the trades in {order.symbol} are read")
    return None


def _is_new(s: Situation, asset: str) -> Wait | None:
    """Return a wait unless the same amount was seen before: a fill that is not told yet looks the same once."""
    seen, foreign = s.foreign_progress.seen, foreign_amount(s, asset)
    if seen.get(asset) == foreign:
        return None
    seen[asset] = foreign
    return Wait("its balance is read again")


def _note(s: Situation, asset: str, most: Decimal = ZERO, left: Left | None = None) -> None:
    """Record how much of an asset is still to be sold, and what is left of it."""
    sale = s.book.foreign_sale
    assert sale is not None
    coins = {
        one: most if one == asset else known for one, known in coins_to_sell(s.book).items() if one != asset or most
    }
    lefts = {**sale.left} if left is None else {**sale.left, asset: left}
    s.record(f.ForeignSalePlanned(coins, lefts, s.ms))


def _step(s: Situation, asset: str, most: Decimal) -> Wait | None:
    symbol = _market(s, asset)
    rules, closed = s.symbol_rules.get(symbol), s.left_out.get(symbol)
    if rules is None and closed is None:
        return Wait(f"the rules of {symbol} are not known yet")
    if rules is None or (rules.base_asset, rules.quote_asset) != (asset, s.settings.quote):
        _note(s, asset, left=Left(most, f"no market against {s.settings.quote}"))
        return None
    if closed := closed or _why_not_permitted(s, rules):
        return Wait(closed, lasts=True)
    locked = _locked(s, asset)
    if (wait := free_coins(s, asset, locked)) is not None:
        return wait
    quote = s.foreign_progress.quotes.get(symbol)
    if quote is None or s.now - quote.time > _QUOTE_LIMIT:
        _ask_for_quote(s, symbol)
        return Wait("its price is asked for")
    if not quote.bid:
        return Wait("nobody bids for it")
    _sell(s, rules, quote.bid, most, locked)
    return None


def _why_not_permitted(s: Situation, rules: SymbolRules) -> str:
    is_permitted = not s.permissions or rules.may_trade(s.permissions)
    return "" if is_permitted else "this account may not trade it"


def _locked(s: Situation, asset: str) -> Decimal:
    """Return how many coins of others are locked."""
    own = sum((order.remaining for order in _live(s, asset) if order.leg is not Leg.TARGET), ZERO)
    return max(s.balances[asset].locked - own, ZERO)


def _ask_for_quote(s: Situation, symbol: str) -> None:
    if not s.is_reading(symbol, FetchBookTicker):
        s.send(FetchBookTicker(number=s.next_number(), symbol=symbol, urgency=Urgency.EXIT))


def take_quote(s: Situation, ticker: BookTicker) -> None:
    """Take the exchange's own price; where nobody else tells one, it is the symbol's."""
    quote = Quote(ticker.bid_price, ticker.ask_price, ticker.bid_price, s.now)
    s.foreign_progress.quotes[ticker.symbol] = quote
    if s.bid(ticker.symbol) is None:
        s.lane(ticker.symbol).quote = quote
    s.ask_for_balances(0.0)


def _sell(s: Situation, rules: SymbolRules, bid: Decimal, most: Decimal, locked: Decimal) -> None:
    """Make a position of what an order can have, to be closed at once; the rest is left, with its reason."""
    symbol, asset, own = rules.symbol, rules.base_asset, s.sellable(rules.symbol)
    foreign = foreign_amount(s, asset)
    free = min(max(foreign - locked, ZERO), most)
    sale = sellable_parts(rules, own + free, bid)
    quantity = max(min(total(sale.parts) + sale.later - own, free), ZERO)
    if quantity:
        _adopt(s, rules, quantity, bid)
    rest = foreign - quantity
    left = Left(rest, _why_rest(s, asset, sale, locked)) if rest else None
    _note(s, asset, left=left)
    s.touch(symbol)


def _adopt(s: Situation, rules: SymbolRules, quantity: Decimal, bid: Decimal) -> None:
    sale, position = s.book.foreign_sale, s.book.positions.get(rules.symbol)
    assert sale is not None
    plan = Plan(f"{SOLD}{rules.symbol}:{s.ms}", "", "", ZERO) if position is None else position.plan
    bases = rules.base_asset, rules.quote_asset
    reason = f"flatten of all that the account holds, requested by {sale.person}"
    s.record(f.PositionAdopted(rules.symbol, *bases, quantity, bid, plan, s.ms, sale.person, sale.why, reason))


def _why_rest(s: Situation, asset: str, sale: SaleParts, locked: Decimal) -> str:
    if locked:
        return why_locked(s, asset)
    return "it came later" if sale.left is None else sale.left.reason
