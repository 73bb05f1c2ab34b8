"""What each happening does to the world."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core.inputs import Command, OwnerSeen, SignalSeen
from cq_tui.trading.entry_context import HealthReport
from cq_tui.trading.limits.losses import LossLimits
from cq_tui.trading.signals import TradeSignal
from tests.trading.world import happenings as h

if TYPE_CHECKING:
    from tests.trading.world.world import World

_PERSON = "tester"
#: How soon after a move of the price the quote is told.
_QUOTE_MS = 40


def _move(world: "World", move: h.Move) -> None:
    world.venue.move(move.symbol, Decimal(move.factor), move.spread)
    world.tick()
    world.later(_QUOTE_MS, world.send_quotes)


def _thin(world: "World", thin: h.Thin) -> None:
    world.venue.thin(thin.symbol, thin.quote, thin.levels)
    world.later(thin.ms, world.venue.market.depth[thin.symbol].restore)


def _signal(world: "World", signal: h.Signal) -> None:
    market, rules = world.venue.market, world.venue.rules(signal.symbol)
    ask = market.ask(signal.symbol)

    def at(share: str) -> Decimal:
        return rules.quantize_price(ask * Decimal(share), ROUND_DOWN)

    made = TradeSignal(
        symbol=signal.symbol,
        side="BUY" if signal.side == "BUY" else "SELL",
        entry_price=at(signal.entry),
        stop_loss=at(signal.stop),
        take_profit=at(signal.target),
        confidence=signal.confidence,
        strategy=signal.strategy,
        frame=world.frame,
        bar_close_time=world.now - signal.age_ms - 1,
        max_bars=signal.max_bars,
        trail=None if signal.trail is None else at(signal.trail),
        cooldown_bars=signal.cooldown_bars,
        size=None if signal.size is None else Decimal(signal.size),
        limit_price=None if signal.limit is None else at(signal.limit),
        limit_until_ms=None if signal.limit is None else world.now + signal.limit_ms,
        part=None if signal.part is None else Decimal(signal.part),
        scale_in=signal.scale_in,
        unsupported=signal.unsupported,
    )
    world.signals += 1
    world.asked.setdefault(made.key, made)
    if made.part is not None:
        world.asked_parts.setdefault(made.key, made.part)
    for _ in range(signal.times):
        world.feed(SignalSeen(made, signal.mode))
        if world.twin is not None:
            world.twin.feed(SignalSeen(made, signal.mode))


def _request(world: "World", fate: h.Request) -> None:
    world.weather.fates.append(fate)


def _outage(world: "World", outage: h.Outage) -> None:
    world.weather.outage_until = world.now + outage.ms
    world.weather.outage_executes = outage.executes


def _stale(world: "World", stale: h.StaleReplica) -> None:
    world.weather.stale_from, world.weather.stale_until = world.now, world.now + stale.ms


def _no_budget(world: "World", empty: h.NoBudget) -> None:
    world.weather.no_budget_until = world.now + empty.ms
    world.weather.no_budget_for_all = empty.all_requests


def _few_orders(world: "World", few: h.FewOrders) -> None:
    world.weather.few_orders, world.weather.few_orders_until = few.left, world.now + few.ms


def _stream(world: "World", fault: h.Stream) -> None:
    if world.process is not None:
        world.process.stream.fail(fault.how, fault.count, fault.ms)


def _rules(world: "World", change: h.Rules) -> None:
    world.reached("rule", change.rule)
    world.venue.change_rules(change.symbol, change.rule)


def _status(world: "World", change: h.Status) -> None:
    world.venue.set_status(change.symbol, change.status)
    world.later(change.ms, lambda: world.venue.set_status(change.symbol, "TRADING"))


def _delisted(world: "World", change: h.Delisted) -> None:
    world.venue.set_status(change.symbol, "BREAK")
    world.venue.expire_all(change.symbol)
    world.publish()
    world.later(change.ms, lambda: world.venue.set_status(change.symbol, "TRADING"))


def _gone(world: "World", change: h.Gone) -> None:
    world.venue.unlist(change.symbol)
    world.publish()
    world.later(change.ms, lambda: world.venue.list_again(change.symbol))


def _exchange_cancels(world: "World", what: h.ExchangeCancels) -> None:
    world.venue.expire_all(what.symbol)
    world.publish()


def _person_cancels(world: "World", what: h.PersonCancels) -> None:
    world.venue.cancel_all(what.symbol)
    world.publish()


def _person_sells(world: "World", sale: h.PersonSells) -> None:
    venue = world.venue
    entry = venue.market.entry(sale.symbol)
    venue.cancel_all(sale.symbol)
    free = venue.state.balances[entry.base_asset].free
    quantity = free * Decimal(sale.share) // entry.step_size * entry.step_size
    price = venue.price(sale.symbol) * Decimal("1.4") // entry.tick_size * entry.tick_size
    how = {"type": "LIMIT", "timeInForce": "GTC", "price": f"{price:.8f}"} if sale.rests else {"type": "MARKET"}
    if quantity > 0:
        venue.place(sale.symbol, venue.other_id(), "SELL", quantity=f"{quantity:.8f}", **how)
    world.publish()


def _wiped(world: "World", wiped: h.Wiped) -> None:
    world.venue.wipe()
    for one in world.traders():
        one.judge.watch_wipe()
        if one.process is not None:
            one.process.stream.fail(h.Break.DOWN, 1, 500)


def _foreign_order(world: "World", order: h.ForeignOrder) -> None:
    market = world.venue.market
    entry, is_buy = market.entry(order.symbol), order.side == "BUY"
    price = market.bid(order.symbol) * Decimal("0.7" if is_buy else "1.4") // entry.tick_size * entry.tick_size
    quantity = Decimal(20) / price // entry.step_size * entry.step_size
    name = order.name or world.venue.other_id()
    world.judge.excuse_id(name)
    world.venue.place(
        order.symbol, name, order.side,
        type="LIMIT", timeInForce="GTC", price=f"{price:.8f}", quantity=f"{quantity:.8f}",
    )  # fmt: skip
    world.publish()


def _foreign_trade(world: "World", trade: h.ForeignTrade) -> None:
    market = world.venue.market
    entry = market.entry(trade.symbol)
    quantity = Decimal(trade.quote) / market.bid(trade.symbol)
    if trade.side == "SELL":
        # Somebody sells only what is theirs: what is free and not of our trader.
        spare = world.judge.foreign_free(trade.symbol)
        quantity = min(quantity, spare)
    quantity = quantity // entry.step_size * entry.step_size
    if quantity > 0:
        name = world.venue.other_id()
        world.venue.place(trade.symbol, name, trade.side, type="MARKET", quantity=f"{quantity:.8f}")
        world.publish()


def _funds(world: "World", funds: h.Funds) -> None:
    world.judge.watch_funds(funds.asset, world.venue.move_funds(funds.asset, Decimal(funds.amount)))
    world.publish()


def _other_owner(world: "World", other: h.OtherOwner) -> None:
    name = client_order_id("other", f"key {world.now}", Leg.ENTRY)
    _buy_as(world, other.symbol, name)


def _same_owner(world: "World", other: h.SameOwner) -> None:
    used = [order for order in world.venue.state.orders.values() if order.symbol == other.symbol and not order.is_open]
    names = [order.client_order_id for order in used if order.client_order_id.startswith(f"cq{world.owner}e")]
    _buy_as(world, other.symbol, names[-1] if names else client_order_id(world.owner, f"copy {world.now}", Leg.ENTRY))


def _buy_as(world: "World", symbol: str, name: str) -> None:
    market = world.venue.market
    entry = market.entry(symbol)
    quantity = Decimal(30) / market.ask(symbol) // entry.step_size * entry.step_size
    world.judge.excuse_id(name)
    world.venue.place(symbol, name, "BUY", type="MARKET", quantity=f"{quantity:.8f}")
    world.publish()


def _paid_in_bnb(world: "World", paid: h.PaidInBnb) -> None:
    world.venue.pay_in_bnb()
    world.venue.move_funds("BNB", Decimal(paid.foreign))
    world.publish()


def _twin(world: "World", begins: h.Twin) -> None:
    world.begin_twin(begins)


def _clock(world: "World", clock: h.Clock) -> None:
    world.clock_offset_ms = clock.offset_ms
    world.send_health()


def _health(world: "World", health: h.Health) -> None:
    if health.status == "silent":
        world.silent_until[health.service] = world.now + health.ms
        return
    intact = health.status != "damaged"
    status = health.status if intact else "ok"
    world.health[health.service] = HealthReport(status, world.now / 1000, intact)  # type: ignore[arg-type]
    world.send_health()

    def recover() -> None:
        world.health[health.service] = HealthReport("ok")
        world.send_health()

    world.later(health.ms, recover)


def _feeder_silent(world: "World", silence: h.FeederSilent) -> None:
    world.silent_until["quotes"] = world.now + silence.ms


def _wrong_quotes(world: "World", wrong: h.WrongQuotes) -> None:
    world.wrong_quotes[wrong.symbol] = Decimal(wrong.factor)
    world.send_quotes()

    def correct() -> None:
        world.wrong_quotes.pop(wrong.symbol, None)

    world.later(wrong.ms, correct)


def _disk_full(world: "World", full: h.DiskFull) -> None:
    def free() -> None:
        world.storage.is_full = False
        world.send_health()

    world.storage.is_full = True
    world.send_health()
    world.later(full.ms, free)


def _owner(world: "World", owner: h.Owner) -> None:
    def confirm() -> None:
        world.owner_problem = None
        world.feed(OwnerSeen(world.owner))

    world.owner_problem = "this directory was copied"
    world.feed(OwnerSeen(world.owner, world.owner_problem))
    world.later(owner.ms, confirm)


def _setting(world: "World", setting: h.Setting) -> None:
    old: Any = getattr(world.settings, setting.name)
    value: Any = setting.value
    if setting.name == "symbols":
        value = tuple(setting.value.split(","))
    elif setting.name == "losses":
        value = LossLimits(*map(Decimal, setting.value.split(",")))
    elif setting.name == "mode_blocked":
        value = setting.value or None
    elif setting.name.endswith("_notional"):
        value = Decimal(setting.value)
    elif isinstance(old, bool):
        value = setting.value == "true"
    elif isinstance(old, int | float | Decimal):
        value = type(old)(setting.value)
    world.set_settings(replace(world.settings, **{setting.name: value}))


def _order(world: "World", order: h.Order) -> None:
    numbers: dict[str, Decimal] = {}
    if order.kind == "quarantine":
        numbers["until"] = Decimal(world.now // 1000 + 12)
    if order.kind == "adopt" and order.symbol:
        numbers["stop"] = world.venue.price(order.symbol) * Decimal(order.stop)
    world.reached("command", order.kind + " --all" * order.foreign)
    if order.kind in ("flatten", "close") and world.process is not None:
        world.judge.flatness.begin(world.process, order.symbol, foreign=order.foreign)
    if order.kind == "resume":
        world.judge.flatness.watch_resumption(order.symbol)
    if world.process is not None:
        world.judge.foreign.watch_command(order)
    world.feed(Command(order.kind, order.symbol, _PERSON, "a test", numbers, order.foreign, order.strategy))


def _kill(world: "World", kill: h.Kill) -> None:
    world.arm(kill)


#: By kind of happening.
ACTIONS: dict[type[h.Happening], Callable[["World", Any], None]] = {
    h.Move: _move,
    h.Thin: _thin,
    h.Signal: _signal,
    h.Request: _request,
    h.Outage: _outage,
    h.StaleReplica: _stale,
    h.NoBudget: _no_budget,
    h.FewOrders: _few_orders,
    h.Stream: _stream,
    h.Rules: _rules,
    h.Status: _status,
    h.Delisted: _delisted,
    h.Gone: _gone,
    h.ExchangeCancels: _exchange_cancels,
    h.PersonCancels: _person_cancels,
    h.PersonSells: _person_sells,
    h.Wiped: _wiped,
    h.ForeignOrder: _foreign_order,
    h.ForeignTrade: _foreign_trade,
    h.Funds: _funds,
    h.OtherOwner: _other_owner,
    h.SameOwner: _same_owner,
    h.PaidInBnb: _paid_in_bnb,
    h.Twin: _twin,
    h.Clock: _clock,
    h.Health: _health,
    h.FeederSilent: _feeder_silent,
    h.WrongQuotes: _wrong_quotes,
    h.DiskFull: _disk_full,
    h.Owner: _owner,
    h.Setting: _setting,
    h.Order: _order,
    h.Kill: _kill,
}
