"""The judge notices every kind of wrong: traders that are wrong on purpose, and plans made small."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.order_lists import NewOco, NewOtoco
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import CancelList, Effect, PlaceList, PlaceOrder, Record, ReplaceOrder
from cq_tui.trading.core.inputs import Command, Input, SettingsSeen, SignalSeen
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from tests.trading.world import happenings as h
from tests.trading.world.happenings import Plan, Rule
from tests.trading.world.scenarios import BUY, COIN, GOLD, HALF, LATER, PLANS, SELL, SELL_LATE, T
from tests.trading.world.shrink import kind_of, run, shrink
from tests.trading.world.truth import Violation


class Wrong(Core):
    """A trader whose effects are changed on their way."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        return [changed for effect in super().step(event, moment) for changed in self.change(effect)]

    def change(self, effect: Effect) -> list[Effect]:
        return [effect]


class SendsTwice(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        return [effect, replace(effect, number=effect.number + 1_000)] if isinstance(effect, PlaceList) else [effect]


class SendsTheSameIdLater(Wrong):
    kept: Effect | None = None

    def change(self, effect: Effect) -> list[Effect]:
        if isinstance(effect, PlaceList):
            self.kept = effect
        if isinstance(effect, ReplaceOrder) and isinstance(self.kept, PlaceList):
            return [replace(self.kept, number=effect.number)]
        return [effect]


class LeavesItsPositionsAlone(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        return [] if isinstance(effect, PlaceList) and isinstance(effect.order_list, NewOco) else [effect]


class BooksTwice(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, Record) or not any(isinstance(fact, f.OrderFilled) for fact in effect.facts):
            return [effect]
        return [effect, effect]


class CancelsAgainAndAgain(Wrong):
    """Without the pauses that follow a failure."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        effects = super().step(event, moment)
        for lane in self.situation.lanes.values():
            lane.exit_pause.succeed()
        return effects


class KeepsAFillToItself(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, Record):
            return [effect]
        return [replace(effect, facts=tuple(one for one in effect.facts if not isinstance(one, f.OrderFilled)))]


class BooksAnotherPrice(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, Record):
            return [effect]
        return [replace(effect, facts=tuple(map(self._dearer, effect.facts)))]

    @staticmethod
    def _dearer(fact: f.Fact) -> f.Fact:
        return replace(fact, fill=fact.fill._replace(price=Decimal(1))) if isinstance(fact, f.OrderFilled) else fact


class IgnoresTheHalt(Wrong):
    def step(self, event: Input, moment: Moment) -> list[Effect]:
        if isinstance(event, SettingsSeen):
            event = SettingsSeen(replace(event.settings, trading_state="active"))
        return super().step(event, moment)


class SellsTooMuch(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, ReplaceOrder) or effect.replace.new.quantity is None:
            return [effect]
        new = replace(effect.replace.new, quantity=effect.replace.new.quantity * 2)
        return [replace(effect, replace=replace(effect.replace, new=new))]


class NeverSleeps(Wrong):
    def step(self, event: Input, moment: Moment) -> list[Effect]:
        effects = super().step(event, moment)
        self.next_due = 0.0
        return effects


class NeverSells(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        return [] if isinstance(effect, ReplaceOrder | PlaceOrder) else [effect]


class TrustsOldRules(Wrong):
    """Removes protection without asking for the rules and the status before."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        self.situation.rules.confirm = lambda *_, **__: True  # type: ignore[method-assign]
        return super().step(event, moment)


class TradesInAHalt(Wrong):
    """Knows that a symbol is halted, and sells all the same."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        effects = super().step(event, moment)
        self.situation.left_out = {}
        return effects


class SellsWhatIsTooLittle(Wrong):
    """Takes every quantity for one that can be sold."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        known = self.situation.symbol_rules
        self.situation.symbol_rules = {name: replace(one, min_notional=Decimal(0)) for name, one in known.items()}
        return super().step(event, moment)


class LeavesNoRoom(Wrong):
    """Does not say that a sale is to follow a cancel."""

    def change(self, effect: Effect) -> list[Effect]:
        return [replace(effect, orders_after=0)] if isinstance(effect, CancelList | ReplaceOrder) else [effect]


class SellsMoreThanItsPart(Wrong):
    """Sells all where half of it is asked for."""

    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, ReplaceOrder) or not effect.orders_after:
            return [effect]
        new = replace(effect.replace.new, quantity=2 * (effect.replace.new.quantity or Decimal(0)))
        return [replace(effect, replace=replace(effect.replace, new=new))]


class MovesStopsTooHigh(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, ReplaceOrder) or effect.replace.new.stop_price is None:
            return [effect]
        new = replace(effect.replace.new, stop_price=effect.replace.new.stop_price * 2)
        return [replace(effect, replace=replace(effect.replace, new=new))]


class SellsCoinsOfOthersUnasked(Wrong):
    def step(self, event: Input, moment: Moment) -> list[Effect]:
        event = replace(event, foreign=True) if isinstance(event, Command) else event
        return super().step(event, moment)


class PaysMoreThanTheLimit(Wrong):
    def change(self, effect: Effect) -> list[Effect]:
        if not isinstance(effect, PlaceList) or not isinstance(effect.order_list, NewOtoco):
            return [effect]
        working = effect.order_list.working
        working = replace(working, price=(working.price or Decimal(0)) + Decimal("0.01"))
        return [replace(effect, order_list=replace(effect.order_list, working=working))]


class BuysWhatItGaveUp(Wrong):
    """It goes on waiting after it said that it does not."""

    def step(self, event: Input, moment: Moment) -> list[Effect]:
        waits = dict(self.book.waits)
        effects = super().step(event, moment)
        self.book.waits |= waits
        return effects


class Misrecords(Wrong):
    """Believes another fact than the true one."""

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        record = self.situation.record
        self.situation.record = lambda *facts: record(*map(self.changed, facts))  # type: ignore[method-assign]

    def changed(self, fact: f.Fact) -> f.Fact:
        return fact


class KeepsLessThanAPart(Misrecords):
    def changed(self, fact: f.Fact) -> f.Fact:
        return replace(fact, keep=fact.keep / 2) if isinstance(fact, f.PartExitWanted) else fact


class LowersStops(Misrecords):
    def changed(self, fact: f.Fact) -> f.Fact:
        return replace(fact, stop_loss=fact.stop_loss / 2) if isinstance(fact, f.StopMoved) else fact


class SellsItsPartAgain(Misrecords):
    """Begins anew when the part is sold."""

    def changed(self, fact: f.Fact) -> f.Fact:
        if not isinstance(fact, f.PartExitEnded):
            return fact
        keep = self.book.quantity(fact.symbol) / 2
        return f.PartExitWanted(fact.symbol, fact.signal_key, keep, "", fact.ms)


class SellsWhatComesLater(Misrecords):
    def changed(self, fact: f.Fact) -> f.Fact:
        if not isinstance(fact, f.ForeignSalePlanned):
            return fact
        return replace(fact, coins={asset: amount * 1_000 for asset, amount in fact.coins.items()})


class SellsNoCoinsOfOthers(Misrecords):
    def changed(self, fact: f.Fact) -> f.Fact:
        return replace(fact, coins={}) if isinstance(fact, f.ForeignSalePlanned) else fact


class CountsThemTooHigh(Misrecords):
    def changed(self, fact: f.Fact) -> f.Fact:
        return replace(fact, price=fact.price * 2) if isinstance(fact, f.PositionAdopted) else fact


class ResumesByItself(Wrong):
    def step(self, event: Input, moment: Moment) -> list[Effect]:
        if self.book.locks and isinstance(event, SignalSeen):
            self.situation.record(f.SymbolUnlocked("", "nobody", "", moment.ms))
        return super().step(event, moment)


_LIMITED = h.Signal(T, COIN, limit="0.995", stop="0.97")
_REACHED = h.Move(LATER + 2_000, COIN, "0.9945")
_AT_MARKET = (h.Rules(0, COIN, Rule.NO_OTO), h.Rules(0, COIN, Rule.NO_OPO), BUY)
_BY_CANCEL = (h.Rules(0, COIN, Rule.NO_REPLACE), BUY)
_TRAILED = (h.Signal(T, COIN, trail="0.01", target="1.3"), *(h.Move(T + 2_000 * n, COIN, "1.01") for n in range(1, 6)))
_TOO_LITTLE = h.Rules(LATER, COIN, Rule.MIN_NOTIONAL_UP)
_FOREIGN_COINS = h.Funds(500, "COIN", "30")
_FLATTEN, _ALL = h.Order(LATER, "flatten", ""), h.Order(LATER, "flatten", "", foreign=True)


@pytest.mark.parametrize(
    ("make_core", "happenings", "complaint"),
    [
        (SendsTwice, (BUY,), "is under way"),
        (SendsTheSameIdLater, (BUY, SELL), "sent a second time"),
        (LeavesItsPositionsAlone, _AT_MARKET, "without its stop"),
        (BooksTwice, (BUY,), "booked twice"),
        (KeepsAFillToItself, (BUY,), "another book|not booked"),
        (BooksAnotherPrice, (BUY,), "is booked as"),
        (IgnoresTheHalt, (h.Setting(1_000, "trading_state", "halted"), BUY), "in spite of: trading is halted"),
        (SellsTooMuch, (_FOREIGN_COINS, BUY, SELL), "not ours"),
        (TrustsOldRules, (BUY, h.Status(LATER, COIN, "HALT", 9_000), SELL), "whose rules were read"),
        (TradesInAHalt, (BUY, h.Status(LATER, COIN, "HALT", 9_000), SELL), "whose status was told: HALT"),
        (
            SellsWhatIsTooLittle,
            (*_BY_CANCEL, h.Rules(LATER, COIN, Rule.MIN_NOTIONAL_UP), SELL_LATE),
            "violate NOTIONAL",
        ),
        (SellsTooMuch, (BUY, SELL), "the account has only"),
        (LeavesNoRoom, (*_BY_CANCEL, h.FewOrders(LATER, 0, 9_000), SELL), "0 orders may follow"),
        (LeavesNoRoom, (BUY, h.FewOrders(LATER, 2, 9_000), HALF), "1 orders may follow"),
        (SellsMoreThanItsPart, (BUY, HALF), "which may sell"),
        (LowersStops, (*_TRAILED,), "is lowered from"),
        (KeepsLessThanAPart, (BUY, HALF), "which may sell"),
        (SellsItsPartAgain, (BUY, HALF), "are sold for .* which may sell"),
        (MovesStopsTooHigh, (*_TRAILED,), "would trigger"),
        (CancelsAgainAndAgain, (*_BY_CANCEL, h.Outage(SELL.at - 10, 8_000), SELL), "more than 25 changes"),
        (NeverSleeps, (BUY,), "ticks in a row"),
        (PaysMoreThanTheLimit, (_LIMITED, _REACHED), "the signal's limit is"),
        (BuysWhatItGaveUp, (_LIMITED, h.Order(LATER, "close", COIN), _REACHED), "which was denied for limit_withdrawn"),
        (NeverSells, (BUY, SELL), "no rest|without an end"),
        (NeverSells, (BUY, _FLATTEN), "no rest|without an end"),
        (ResumesByItself, (BUY, _FLATTEN, h.Signal(LATER + 3_000, COIN)), "is unlocked, and nobody has resumed"),
        (SellsCoinsOfOthersUnasked, (_FOREIGN_COINS, _FLATTEN), "nobody wants it"),
        (SellsWhatComesLater, (_FOREIGN_COINS, _ALL, h.Funds(LATER + 300, "COIN", "5")), "30.* were wanted"),
        (SellsNoCoinsOfOthers, (_FOREIGN_COINS, _ALL), "30.* COIN of others could still be sold"),
        (CountsThemTooHigh, (_FOREIGN_COINS, _ALL), "are counted at 200"),
    ],
)
def test_the_judge_notices(
    make_core: Callable[[Book], Core], happenings: tuple[h.Happening, ...], complaint: str
) -> None:
    with pytest.raises(Violation, match=complaint):
        run(Plan(0, happenings, 20_000), make_core=make_core)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("orders_minute", "1", "2 entries within a minute, limit 1"),
        ("orders_day", "1", "2 on a day, limit 1"),
        ("order_notional", "50", "order_notional is 50"),
        ("symbol_notional", "50", "symbol_notional is 50"),
        ("total_notional", "150", "total_notional is 150"),
        ("max_positions", "1", "are open with this entry, limit 1"),
        ("max_exposure", "0.015", "are worth 199.* with this entry, limit 149"),
    ],
)
def test_the_judge_notices_a_limit_that_is_exceeded(name: str, value: str, complaint: str) -> None:
    class IgnoresTheLimit(Core):
        def step(self, event: Input, moment: Moment) -> list[Effect]:
            if isinstance(event, SettingsSeen):
                event = SettingsSeen(replace(event.settings, **{name: getattr(TraderSettings(), name)}))
            return super().step(event, moment)

    plan = Plan(0, (h.Setting(0, name, value), BUY, h.Signal(LATER, GOLD)), 20_000)
    run(plan)
    with pytest.raises(Violation, match=complaint):
        run(plan, make_core=IgnoresTheLimit)


def test_the_same_plan_gives_the_same_life() -> None:
    plan = PLANS["killed before effect 3 of an exit"]
    lives: list[list[str]] = [[], []]
    for trace in lives:
        run(plan, trace=trace)
    assert lives[0] == lives[1]
    assert len(lives[0]) > 50


def test_a_failing_plan_is_made_small() -> None:
    needed = h.Kill(5_000), h.Move(7_000, COIN, "0.97")
    others = [h.Move(1_000 * number, COIN, "1.01") for number in range(12)]
    plan = Plan(0, tuple(sorted([*needed, *others, BUY], key=lambda one: one.at)), LATER)
    assert shrink(plan, lambda one: all(item in one.happenings for item in needed)).happenings == needed


def test_how_a_life_fails_is_told_without_its_figures() -> None:
    """A life that fails in another way is no smaller one of the same kind."""
    sold = kind_of("Violation: sold 0.99599700 COIN that are not ours")
    assert sold == kind_of("Violation: sold 1 GOLD that are not ours")
    assert sold != kind_of("KeyError: 'COINUSDT'")
