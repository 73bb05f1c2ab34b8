"""Limits on losses: reached and ended by facts, kept over restarts, lifted by nothing but their ends."""

from dataclasses import replace

import pytest

from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.command_answer import CommandAnswer
from cq_tui.trading.core.effects import ReplaceOrder
from cq_tui.trading.core.losing import move_funds
from cq_tui.trading.core.marking import equity_now
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.limits.losses import LossLimit, LossLimits, LossTier
from cq_tui.trading.money.exact import share_of
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk
from tests.trading.samples import SIGNAL

#: Of 1,000 USDT, 100 are in coins at 40,000: each percent of the price is a thousandth of the equity.
TIGHT = LossLimits(daily=D("0.5"), warn=D("0.005"), reduce=D("0.01"), halt=D("0.02"))


def held(losses: LossLimits = TIGHT, **settings: object) -> Desk:
    plain = TraderSettings(symbols=(SYMBOL,), losses=losses, cooldown=0.0, **settings)  # type: ignore[arg-type]
    return market_desk(settings=plain).protected(stop_loss=D(25_000))


def see(desk: Desk, bid: str, seconds: int = 4) -> None:
    """Let the price be this for a while."""
    for _ in range(seconds):
        desk.fresh(bid)
        desk.tick(1.0)


def reached(desk: Desk) -> list[tuple[LossLimit, LossTier]]:
    return [(one.limit, one.tier) for one in desk.noted(f.LossLimitReached)]


def denied(desk: Desk) -> str:
    """Why a signal is refused now."""
    desk.fresh(str(desk.core.situation.last_bid(SYMBOL)))
    count = len(desk.noted(f.SignalDenied))
    desk.tell(i.SignalSeen(replace(SIGNAL, bar_close_time=int(desk.now * 1000) - 1, strategy=f"other{count}")))
    return desk.noted(f.SignalDenied)[-1].code


def accept(desk: Desk) -> CommandAnswer:
    desk.tell(i.Command("accept", "drawdown", "ada", "we know"))
    return desk.core.command_answer


def test_the_tiers_of_the_drawdown_follow_the_price_and_the_last_one_closes_everything() -> None:
    desk = held()
    see(desk, "39000")
    assert reached(desk) == []
    see(desk, "37900")
    assert reached(desk) == [(LossLimit.DRAWDOWN, LossTier.WARN)]
    assert desk.core.blocked_by(desk.core.situation.moment) == []
    see(desk, "35900")
    assert reached(desk)[1:] == [(LossLimit.DRAWDOWN, LossTier.REDUCE)]
    assert "below its peak" in desk.core.blocked_by(desk.core.situation.moment)[0]
    assert desk.position().exit_reason == ""
    see(desk, "31900")
    assert reached(desk)[2:] == [(LossLimit.DRAWDOWN, LossTier.HALT)]
    assert desk.position().exit_reason.startswith("drawdown: 20.17 below the peak of 1000.00, 2.0%")
    assert desk.one(ReplaceOrder).replace.new.type == "MARKET"


def test_a_wrong_price_that_is_soon_over_reaches_nothing() -> None:
    desk = held()
    see(desk, "30000", seconds=2)
    see(desk, "40000")
    assert reached(desk) == []
    # While it lasts, nothing is opened on it.
    desk.fresh("30000")
    assert "below its peak" in desk.core.blocked_by(desk.core.situation.moment)[0]


def test_a_price_far_from_the_last_trade_values_nothing() -> None:
    desk = held()
    for _ in range(5):
        quote = i.Quote(D(30_000), D("30000.01"), D(40_000), desk.now)
        desk.tell(i.QuotesSeen({SYMBOL: quote}))
        desk.tick(1.0)
    assert reached(desk) == []


def test_what_holds_outlives_a_restart_and_ends_when_the_equity_has_recovered() -> None:
    desk = held()
    see(desk, "35900")
    desk.core.situation.book = book_from_plain(book_to_plain(desk.core.book))
    assert desk.core.book.losses[LossLimit.DRAWDOWN].tier is LossTier.REDUCE
    # Not as soon as it is a little better: the limit is 36,000.
    see(desk, "36200")
    assert desk.noted(f.LossLimitEnded) == []
    assert desk.core.book.losses[LossLimit.DRAWDOWN].tier is LossTier.REDUCE
    see(desk, "36600")
    assert desk.core.book.losses[LossLimit.DRAWDOWN].tier is LossTier.WARN
    see(desk, "39000")
    assert [one.limit for one in desk.noted(f.LossLimitEnded)] == [LossLimit.DRAWDOWN]
    assert desk.core.book.losses == {}


def test_without_a_price_that_can_be_relied_on_the_last_known_limits_hold() -> None:
    desk = held()
    see(desk, "35900")
    for _ in range(20):
        desk.tick(1.0)
    assert LossLimit.DRAWDOWN in desk.core.book.losses
    assert accept(desk) == (
        False,
        "what the account is worth is not known now; try again when all that is held has a price",
    )


def test_a_missing_price_hides_no_loss_that_is_known() -> None:
    """Nothing begins or ends by it; but nothing is opened, as at the last price that was known."""
    desk = held()
    desk.fresh("35900")
    desk.tick(30.0)
    desk.tick(30.0)
    assert reached(desk) == []
    assert "below its peak" in desk.core.blocked_by(desk.core.situation.moment)[-1]


def test_a_raised_limit_ends_what_holds_and_a_person_may_accept_it() -> None:
    desk = held()
    assert accept(desk) == (False, "no limit of the drawdown holds")
    see(desk, "35900")
    desk.tell(
        i.SettingsSeen(replace(desk.settings, losses=TIGHT._replace(warn=D("0.2"), reduce=D("0.3"), halt=D("0.4"))))
    )
    see(desk, "35900")
    assert desk.core.book.losses == {}
    desk.tell(i.SettingsSeen(desk.settings))
    see(desk, "35900")
    assert desk.core.book.losses[LossLimit.DRAWDOWN].tier is LossTier.REDUCE
    answer = accept(desk)
    assert answer == (True, "the drawdown is counted from 989.791 USDT on"), answer
    assert desk.noted(f.LossLimitEnded)[-1].person == "ada"
    see(desk, "35800")
    assert desk.core.book.losses == {}
    assert denied(desk) == "position_open"


def test_a_days_loss_lets_nothing_be_opened_until_the_next_day_whatever_the_equity_does() -> None:
    desk = held(LossLimits(daily=D("0.01"), warn=D(1), reduce=D(1), halt=D(1)), guardrails_disabled=True)
    see(desk, "35900")
    assert reached(desk) == [(LossLimit.DAILY_LOSS, LossTier.REDUCE)]
    see(desk, "41000")
    assert "Too much was lost today" in desk.core.blocked_by(desk.core.situation.moment)[0]
    desk.now += 86_400
    for _ in range(8):
        see(desk, "41000", seconds=1)
        desk.look()
    assert [one.how for one in desk.noted(f.LossLimitEnded)] == ["another day began"]
    assert desk.core.blocked_by(desk.core.situation.moment) == []


@pytest.mark.parametrize("change", ["500", "2000"])
def test_a_withdrawal_or_a_deposit_is_no_loss(change: str) -> None:
    desk = held()
    book = desk.core.book
    assert book.money is not None
    moved = D(change) - book.money.quote
    desk.core.situation.record(f.FundsMoved("USDT", moved, "moved", int(desk.now * 1000)))
    see(desk, "40000")
    assert reached(desk) == []


def test_a_withdrawal_makes_no_drawdown_deeper() -> None:
    desk = held()
    see(desk, "36500")
    assert [tier for _, tier in reached(desk)] == [LossTier.WARN]
    equity = equity_now(desk.core.situation)
    assert equity is not None
    move_funds(desk.core.situation, D(-800), "withdrawal")
    see(desk, "36500")
    assert [tier for _, tier in reached(desk)] == [LossTier.WARN], "by its amount it would be halted"
    assert [one.change for one in desk.noted(f.FundsMoved)] == [D(-800)]
    money = desk.core.book.money
    assert money is not None
    assert money.peak == share_of(D(1000), equity - 800, equity)
    assert (money.start, money.day_base) == (D(200), D(200))


def test_a_sell_closes_only_the_position_of_its_own_strategy() -> None:
    desk = held()
    desk.sell()
    desk.tell(i.SignalSeen(replace(SIGNAL, side="SELL", strategy="other", bar_close_time=int(desk.now * 1000) - 1)))
    assert [one.code for one in desk.noted(f.SignalDenied)][-1] == "other_strategy"


def test_a_setting_lets_any_strategy_close() -> None:
    desk = held(exit_any_strategy=True)
    desk.tell(i.SignalSeen(replace(SIGNAL, side="SELL", strategy="other", bar_close_time=int(desk.now * 1000) - 1)))
    assert desk.noted(f.SignalDenied) == []
    assert desk.position().exit_reason == "SELL signal of other"
