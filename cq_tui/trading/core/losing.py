"""Watches what was lost, by the equity at fresh bids. What a limit says holds over restarts, until it ends by a fact.

While a position has no bid that can be relied on, the last known limits hold: none begins, and none ends. What would be
reached at the last known prices lets nothing be opened all the same.
"""

from decimal import Decimal
from math import inf

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.marking import equity_as_known, equity_now
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.limits.losses import (
    LossHold,
    LossLimit,
    LossTier,
    daily_loss,
    describe,
    drawdown,
    drawdown_tier,
)
from cq_tui.trading.money.account_money import Money
from cq_tui.trading.money.exact import add, plain_text, share_of

#: Seconds between two looks, and for how long a loss must be seen before it counts: a wrong price is soon over.
LOOK_INTERVAL, CONFIRMED_AFTER = 1.0, 2.0


def look_at_losses(s: Situation) -> None:
    """Record the limits that were reached, or hold no more; close everything while that is what holds."""
    s.losses_due = s.now + LOOK_INTERVAL
    money = s.book.money
    if money is not None and money.asset == s.settings.quote and s.is_reconciled:
        _judge(s, money)
    hold = s.book.losses.get(LossLimit.DRAWDOWN)
    if hold is not None and hold.tier is LossTier.HALT:
        _close_everything(s, hold)


def _judge(s: Situation, money: Money) -> None:
    hold = s.book.losses.get(LossLimit.DAILY_LOSS)
    if hold is not None and money.day > hold.day:
        s.record(f.LossLimitEnded(LossLimit.DAILY_LOSS, "another day began", s.ms))
    equity = equity_now(s)
    if equity is None:
        s.losses_seen.clear()
        return
    _judge_day(s, money, equity)
    _judge_drawdown(s, money, equity)


def _judge_day(s: Situation, money: Money, equity: Decimal) -> None:
    loss, share = daily_loss(money, equity), s.settings.losses.daily
    is_reached = LossLimit.DAILY_LOSS not in s.book.losses and loss.reaches(share)
    if _is_confirmed(s, LossLimit.DAILY_LOSS, LossTier.REDUCE if is_reached else None):
        hold = LossHold(LossTier.REDUCE, equity, loss.base, share, money.day, s.ms)
        s.record(f.LossLimitReached(LossLimit.DAILY_LOSS, *hold))


def _judge_drawdown(s: Situation, money: Money, equity: Decimal) -> None:
    hold, loss = s.book.losses.get(LossLimit.DRAWDOWN), drawdown(money, equity)
    found = drawdown_tier(loss, s.settings.losses, hold)
    if found is None:
        s.losses_seen.pop(LossLimit.DRAWDOWN, None)
        if hold is not None:
            how = f"the equity is {plain_text(equity)}, and the peak {plain_text(money.peak)}"
            s.record(f.LossLimitEnded(LossLimit.DRAWDOWN, how, s.ms))
        return
    tier, share = found
    is_new = hold is None or (hold.tier, hold.share) != (tier, share)
    if _is_confirmed(s, LossLimit.DRAWDOWN, tier if is_new else None):
        s.record(f.LossLimitReached(LossLimit.DRAWDOWN, *LossHold(tier, equity, loss.base, share, money.day, s.ms)))


def _is_confirmed(s: Situation, limit: LossLimit, tier: LossTier | None) -> bool:
    """Whether a tier has been seen for long enough."""
    seen = s.losses_seen.get(limit)
    if tier is None:
        s.losses_seen.pop(limit, None)
        return False
    if seen is None or seen[0] is not tier:
        s.losses_seen[limit] = tier, s.now
        return False
    if s.now - seen[1] < CONFIRMED_AFTER:
        return False
    del s.losses_seen[limit]
    return True


def _close_everything(s: Situation, hold: LossHold) -> None:
    for symbol, position in list(s.book.positions.items()):
        if not position.exit_reason:
            s.record(f.ExitWanted(symbol, f"drawdown: {describe(LossLimit.DRAWDOWN, hold)}", s.ms))
            s.touch(symbol)
    for symbol, held in s.book.holdings.items():
        if held.quantity and symbol not in s.book.positions:
            # What earlier positions left is sold, too, where an order can have it.
            s.touch(symbol)


def move_funds(s: Situation, change: Decimal, reason: str) -> None:
    """Record that money came or went. A withdrawal reaches no limit of the drawdown: its share stays as it was."""
    money, equity = s.book.money, equity_now(s)
    assert money is not None
    peak = None
    if change < 0 and equity is not None and 0 < add(equity, change) < money.peak:
        after, limits = add(equity, change), s.settings.losses
        before_tier = drawdown_tier(drawdown(money, equity), limits)
        if drawdown_tier(drawdown(money.deposit(change), after), limits) != before_tier:
            peak = share_of(money.peak, after, equity)
    s.record(f.FundsMoved(money.asset, change, reason, s.ms, peak))


def losses_due(s: Situation) -> float:
    """Return when to look again (Unix seconds, the exchange's): while nothing is held, nothing is lost."""
    if not s.book.losses and not any(held.quantity for held in s.book.holdings.values()):
        return inf
    return s.losses_due


def loss_problem(s: Situation, limit: LossLimit) -> str | None:
    """Return why a limit lets nothing be opened now: it holds, or it is reached at this moment. None if it does not."""
    hold, money = s.book.losses.get(limit), s.book.money
    if hold is not None and hold.tier.stops_entries:
        return describe(limit, hold)
    equity = equity_now(s) or equity_as_known(s)
    if equity is None or money is None:
        return None
    reached = _reached_now(s, limit, money, equity)
    return None if reached is None or not reached.tier.stops_entries else describe(limit, reached)


def _reached_now(s: Situation, limit: LossLimit, money: Money, equity: Decimal) -> LossHold | None:
    limits = s.settings.losses
    if limit is LossLimit.DAILY_LOSS:
        loss = daily_loss(money, equity)
        found = (LossTier.REDUCE, limits.daily) if loss.reaches(limits.daily) else None
    else:
        loss = drawdown(money, equity)
        found = drawdown_tier(loss, limits)
    return None if found is None else LossHold(found[0], equity, loss.base, found[1], money.day, s.ms)


def accept_drawdown(s: Situation, command: Command) -> CommandAnswer:
    """Count the drawdown from the equity of this moment on."""
    if LossLimit.DRAWDOWN not in s.book.losses:
        return refused("no limit of the drawdown holds")
    equity = equity_now(s)
    if equity is None or not s.is_reconciled:
        return refused("what the account is worth is not known now; try again when all that is held has a price")
    s.losses_seen.pop(LossLimit.DRAWDOWN, None)
    s.record(f.LossLimitEnded(LossLimit.DRAWDOWN, "accepted", s.ms, command.person, command.why, equity))
    asset = s.settings.quote
    return done(f"the drawdown is counted from {plain_text(equity)} {asset} on")


def loss_worries(s: Situation) -> list[str]:
    """Return in a sentence each what holds."""
    ends = {
        LossLimit.DAILY_LOSS: "nothing is opened until the next day (UTC)",
        LossTier.WARN: "a warning",
        LossTier.REDUCE: "nothing is opened until it has recovered",
        LossTier.HALT: "everything is closed, and nothing is opened",
    }
    accept = "; or run cq-tui accept drawdown"
    return [
        f"{limit.replace('_', ' ')}: {describe(limit, hold)}: "
        + (ends[limit] if limit is LossLimit.DAILY_LOSS else ends[hold.tier] + accept)
        for limit, hold in s.book.losses.items()
    ]
