"""Adding doubt never allows more: what is worse, older, smaller or stricter refuses an entry or makes it smaller."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.trading.denial import Denial
from cq_tui.trading.entry_context import EntryContext, EntryLimits, HealthReport
from cq_tui.trading.guardrails import decide_entry
from cq_tui.trading.signals import TradeSignal
from tests.trading.samples import BUDGET, NOW, RULES, SIGNAL, D, context

#: An entry of 100 in an account of 1,000 with two positions: every limit is set, and most are near.
LIMITS = EntryLimits(
    cooldown=1.0, max_positions=4, max_exposure=D("0.4"), slippage_cap=D("0.002"), min_confidence=0.5,
    orders_minute=5, orders_day=20, order_notional=D(120), symbol_notional=D(130), total_notional=D(400),
    target_costs=D(2), risk_fraction=D("0.005"),
)  # fmt: skip
BASE = context(
    bid=D("40009"), last_price=D("40010"), limits=LIMITS, held={"ETHUSDT"}, pending={"SOLUSDT"}, exposure=D(200),
    symbol_value=D(10), entries_minute=2, entries_day=9, quote_asset="USDT", local_now=NOW,
    last_entry={"BTCUSDT": NOW - 5},
    rules=replace(RULES, max_quantity=D(1), max_notional=D(10_000), max_position=D(1)),
)  # fmt: skip


_UNSET = D(1_000)


class Case(NamedTuple):
    """What an entry is decided by."""

    context: EntryContext
    signal: TradeSignal = SIGNAL

    def change(self, **changes: Any) -> "Case":
        return self._replace(context=replace(self.context, **changes))

    def size(self) -> Decimal:
        """The quantity that is bought; 0 if none."""
        decided = decide_entry(self.context, self.signal, NOW)
        return D(0) if isinstance(decided, Denial) else decided.size.quantity


#: Makes a case worse, by a share from 0 (hardly) to 1 (very much).
Worsening = Callable[[Case, Decimal], Case]


def _sets(**changes: Any) -> Worsening:
    return lambda case, _: case.change(**changes)


def _older(name: str, seconds: int) -> Worsening:
    def worsen(case: Case, share: Decimal) -> Case:
        report: HealthReport = getattr(case.context, name)
        return case.change(**{name: replace(report, last_update=report.last_update - seconds * float(share))})

    return worsen


def _health(name: str, **changes: Any) -> Worsening:
    return lambda case, _: case.change(**{name: replace(getattr(case.context, name), **changes)})


def _budget(**factors: str) -> Worsening:
    """Multiply amounts of the budget: by 1 at a share of 0, by the factor at 1."""

    def worsen(case: Case, share: Decimal) -> Case:
        budget = case.context.budget
        changes = {name: getattr(budget, name) * (1 + (D(factor) - 1) * share) for name, factor in factors.items()}
        return case.change(budget=replace(budget, **changes))

    return worsen


def _amount(name: str, most: int) -> Worsening:
    """Add to an amount or a count of the context; a count by whole numbers."""

    def worsen(case: Case, share: Decimal) -> Case:
        known = getattr(case.context, name)
        return case.change(**{name: known + (int(most * share) if isinstance(known, int) else most * share)})

    return worsen


def _limit(name: str, strictest: float | str) -> Worsening:
    """Move a limit toward its strictest value."""

    def worsen(case: Case, share: Decimal) -> Case:
        limits = case.context.limits
        # A limit that is not set becomes one.
        known = _UNSET if getattr(limits, name) is None else getattr(limits, name)
        value = D(known) + (D(str(strictest)) - D(known)) * share
        changes: dict[str, Any] = {name: type(known)(value)}
        return case.change(limits=replace(limits, **changes))

    return worsen


def _rules(**changes: Any) -> Worsening:
    def worsen(case: Case, share: Decimal) -> Case:
        rules = case.context.rules
        return case.change(rules=None if rules is None else replace(rules, **changes))

    return worsen


def _more_held(case: Case, share: Decimal) -> Case:
    return case.change(held={*case.context.held, *(f"N{number}USDT" for number in range(int(share * 3)))})


def _signal(**changes: Any) -> Worsening:
    return lambda case, _: case._replace(signal=replace(case.signal, **changes))


WORSE: dict[str, Worsening] = {
    "halted": _sets(trading_state="halted"),
    "reducing": _sets(trading_state="reducing"),
    "the mode is blocked": _sets(mode_blocked="no key"),
    "live": _sets(mode="live"),
    "guardrails on": _sets(guardrails_disabled=False),
    "settings that cannot be used": _sets(settings_problem="broken"),
    "no disk": _sets(disk_problem="full"),
    "not reconciled": _sets(reconciled=False),
    "no exchange": _sets(exchange_problem="down"),
    "no request limit": _sets(limits_problem="for 3 s"),
    "clock ahead": _sets(local_now=NOW + 90),
    "account in doubt": _sets(account_doubt="?"),
    "symbol in doubt": _sets(symbol_doubt="?"),
    "symbol locked": _sets(symbol_lock="flatten"),
    "not watched": _sets(watched=False),
    "another quote asset": _sets(quote_asset="BNB"),
    "lost too much": _sets(loss_problem=lambda _: "lost"),
    "quarantined": _sets(quarantine="3 failures"),
    "held": _sets(held={"ETHUSDT", "BTCUSDT"}),
    "pending": _sets(pending={"BTCUSDT"}),
    "answered": lambda case, _: case.change(acted_keys={case.signal.key}),
    "more positions": _more_held,
    "ARES older": _older("ares", 60),
    "feeder older": _older("feeder", 60),
    "memory older": _older("memory", 60),
    "ARES in error": _health("ares", status="error"),
    "feeder in error": _health("feeder", status="error"),
    "memory degraded": _health("memory", status="degraded", reason="broken"),
    "history damaged": _health("memory", intact=False),
    "prices older": lambda case, share: case.change(price_time=case.context.price_time - float(share) * 60),
    "signal older": lambda case, share: case._replace(
        signal=replace(case.signal, bar_close_time=case.signal.bar_close_time - int(share * 60_000))
    ),
    "signal of the future": _signal(bar_close_time=SIGNAL.bar_close_time + 9_000),
    "less confidence": lambda case, share: case._replace(
        signal=replace(case.signal, confidence=case.signal.confidence * (1 - float(share)))
    ),
    "less balance": _budget(available_quote="0"),
    "higher commission": _budget(commission="300"),
    "less equity": lambda case, share: case.change(equity=case.context.equity * (1 - share)),
    "more exposure": _amount("exposure", 1_000),
    "more in the symbol": _amount("symbol_value", 1_000),
    "more entries a minute": _amount("entries_minute", 9),
    "more entries a day": _amount("entries_day", 99),
    "more of the asset": lambda case, share: case.change(
        budget=replace(case.context.budget, position=case.context.budget.position + share)
    ),
    "a wider spread": lambda case, share: case.change(
        bid=None if case.context.bid is None else case.context.bid * (1 - share / 10)
    ),
    "last trade elsewhere": _sets(last_price=D(30_000)),
    "an entry just before": _sets(last_entry={"BTCUSDT": NOW}),
    "the strategy pauses": _sets(paused_until={("trend_multi_tf", "BTCUSDT"): NOW + 9}),
    "fresher data only": _limit("freshness", 0.1),
    "a longer cooldown": _limit("cooldown", 99),
    "fewer positions": _limit("max_positions", 0),
    "less exposure allowed": _limit("max_exposure", 0),
    "a narrower price gap": _limit("max_price_gap", 0),
    "more confidence wanted": _limit("min_confidence", 1),
    "fewer entries a minute": _limit("orders_minute", 0),
    "fewer entries a day": _limit("orders_day", 0),
    "less for an entry": _limit("order_notional", 0),
    "less in a symbol": _limit("symbol_notional", 0),
    "less in all": _limit("total_notional", 0),
    "targets further away": _limit("target_costs", 99),
    "less at risk": _limit("risk_fraction", "0.0000001"),
    "not listed": _sets(rules=None),
    "a break": _rules(status="BREAK"),
    "no order lists": _rules(oco_allowed=False),
    "smaller orders only": _rules(max_quantity=D("0.001"), market_max_quantity=D("0.0005")),
    "cheaper orders only": _rules(max_notional=D(30)),
    "larger orders only": _rules(min_notional=D(5_000)),
    "fewer coins allowed": _rules(max_position=D("0.001")),
}
#: What changes nothing by itself in the base case: it matters together with another.
_ALONE_HARMLESS = {"live", "guardrails on"}

_SHARES = st.decimals("0", "1", places=2)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Cases near the limits: some pass, some do not."""
    found = BASE
    if draw(st.booleans()):
        found = replace(found, guardrails_disabled=True)
    if draw(st.booleans()):
        found = replace(found, limits=replace(LIMITS, order_notional=None, symbol_notional=None, risk_fraction=D(0)))
    budget = replace(
        BUDGET,
        order_quote=draw(st.sampled_from((D(6), D(60), D(100), D(400)))),
        available_quote=draw(st.decimals("0", "500", places=2)),
        remainder=draw(st.sampled_from((D(0), D("0.00003"), D("0.0004")))),
    )
    return Case(replace(found, budget=budget, equity=draw(st.sampled_from((D(300), D(1_000), D(5_000))))))


@given(cases(), st.lists(st.tuples(st.sampled_from(sorted(WORSE)), _SHARES), min_size=1, max_size=3), st.data())
@settings(max_examples=100)
def test_what_is_worse_never_allows_more(
    case: Case, worsenings: list[tuple[str, Decimal]], data: st.DataObject
) -> None:
    """Also where something was wrong before."""
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(WORSE)))
        case = WORSE[name](case, data.draw(_SHARES))
    before = case.size()
    for name, share in worsenings:
        case = WORSE[name](case, share)
        after = case.size()
        assert after <= before, f"{name} allows {after} instead of {before}"
        before = after


@pytest.mark.parametrize("name", sorted(WORSE.keys() - _ALONE_HARMLESS))
def test_each_of_them_matters(name: str) -> None:
    assert Case(BASE).size() > 0
    assert WORSE[name](Case(BASE), D(1)).size() < Case(BASE).size()


def test_settings_that_cannot_be_used_do_not_excuse_memory() -> None:
    """Memory is not blamed for them a second time; the entry is refused all the same."""
    degraded = WORSE["memory degraded"](Case(BASE), D(1))
    assert degraded.size() == WORSE["settings that cannot be used"](degraded, D(1)).size() == 0


@pytest.mark.parametrize("name", sorted(_ALONE_HARMLESS))
def test_what_brings_the_guardrails_back_matters_where_they_were_off(name: str) -> None:
    lifted = Case(BASE).change(guardrails_disabled=True, exposure=D(900))
    assert lifted.size() > 0
    assert WORSE[name](lifted, D(1)).size() == 0
