"""Quarantine of symbols and strategies: stops in a row, lost protection, and by hand; each ends with its cause."""

from dataclasses import replace

from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.contracts.freshness import NO_END
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.command_answer import CommandAnswer
from cq_tui.trading.core.effects import CHANGES, PlaceList, PlaceOrder, ReplaceOrder
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.quarantine import Cause
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk
from tests.trading.samples import SIGNAL

STRATEGY = SIGNAL.strategy


def desk_of(**settings: object) -> Desk:
    plain = TraderSettings(symbols=(SYMBOL,), cooldown=0.0, quarantine_seconds=60.0)
    return market_desk(settings=replace(plain, **settings))  # type: ignore[arg-type]


def close(desk: Desk, price: str, **changes: object) -> None:
    """Buy, protect, and let the stop be filled at a price."""
    desk.protected(**changes)
    stop, target = desk.orders()[-2:]
    desk.now += 1.0
    desk.hold("BTC", "0")
    desk.hold("USDT", "1000")
    desk.trade(desk.now_known(stop), str(stop.quantity), price, desk.order_id())
    desk.report(desk.now_known(target), "EXPIRED")
    desk.tick(1.0)
    assert desk.position_or_none() is None


def denied(desk: Desk, strategy: str = STRATEGY) -> str:
    """Why a signal is refused now; empty if it is taken."""
    count = len(desk.noted(f.SignalDenied))
    desk.fresh()
    desk.tell(i.SignalSeen(replace(SIGNAL, bar_close_time=int(desk.now * 1000) - 1, strategy=strategy)))
    denials = desk.noted(f.SignalDenied)[count:]
    return denials[0].code if denials else ""


def ask(desk: Desk, kind: str, name: str, **numbers: str) -> CommandAnswer:
    desk.tell(i.Command(kind, name, "ada", "news", {key: D(value) for key, value in numbers.items()}))
    return desk.core.command_answer


def again(desk: Desk) -> Desk:
    """The desk after a restart."""
    book = book_from_plain(book_to_plain(desk.core.book))
    assert book == desk.core.book
    fresh = Desk(*desk.rules.values(), settings=desk.settings, book=book)
    fresh.now, fresh.balances = desk.now, desk.balances
    return fresh.ready()


def test_stops_in_a_row_quarantine_a_symbol_until_a_probe_earns_something() -> None:
    desk = desk_of(max_symbol_stops=2)
    close(desk, "39600")
    assert desk.noted(f.QuarantineBegan) == []
    close(desk, "39600")
    [began] = desk.noted(f.QuarantineBegan)
    assert (began.symbol, began.strategy, began.cause, began.reason) == (SYMBOL, "", Cause.STOPS, "2 stops in a row")
    assert denied(desk) == "quarantined"
    desk = again(desk)
    assert denied(desk) == "quarantined"
    desk.facts.clear()
    desk.now += 61.0
    close(desk, "39600")
    assert [one.failures for one in desk.noted(f.QuarantineBegan)] == [3], "its probe was stopped"
    desk.facts.clear()
    desk.now += 61.0
    close(desk, "40100")
    assert [one.reason for one in desk.noted(f.QuarantineEnded)] == ["its probe was closed with a profit"]
    assert denied(desk) == ""


def test_a_profit_ends_the_count_and_a_stop_above_the_entry_is_one() -> None:
    desk = desk_of(max_symbol_stops=2)
    for price in ("39600", "40100", "39600", "40100", "39600"):
        close(desk, price)
    assert desk.noted(f.QuarantineBegan) == []


def gap(desk: Desk, price: str) -> None:
    """Buy, protect, and have the trader sell by itself at a price below the stop."""
    desk.protected()
    desk.quote(price)
    request = desk.one(ReplaceOrder)
    stop, target, sale = desk.orders()[-3:]
    desk.hold("BTC", "0")
    desk.hold("USDT", "1000")
    legs = (desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    canceled = replace(desk.list_answer_of(stop), reports=legs)
    desk.answer(request, CancelReplaceResult("SUCCESS", "SUCCESS", canceled, desk.filled(sale, price)))
    desk.tick(1.0)
    assert desk.position_or_none() is None


def test_a_price_that_gaps_over_the_stop_is_a_stop() -> None:
    desk = desk_of(max_symbol_stops=2)
    gap(desk, "39000")
    assert desk.noted(f.QuarantineBegan) == []
    gap(desk, "39000")
    assert [one.reason for one in desk.noted(f.QuarantineBegan)] == ["2 stops in a row"]


def test_stops_in_a_row_quarantine_a_strategy_in_every_symbol_and_no_other_strategy() -> None:
    desk = desk_of(max_strategy_stops=2)
    close(desk, "39600")
    close(desk, "39600", strategy="another")
    close(desk, "39600")
    [began] = desk.noted(f.QuarantineBegan)
    assert (began.symbol, began.strategy, began.failures) == ("", STRATEGY, 2)
    assert denied(desk) == "strategy_quarantined"
    desk = again(desk)
    assert denied(desk) == "strategy_quarantined"
    assert denied(desk, "another") == ""


def test_a_probe_without_a_result_is_repeated() -> None:
    desk = desk_of(max_strategy_stops=1)
    close(desk, "39600")
    desk.facts.clear()
    desk.now += 61.0
    desk.refuse(desk.buy(), -2010, "no")
    entry = desk.core.book.strategy_quarantine.get(STRATEGY)
    assert entry is not None
    desk.now += 1.0
    assert denied(desk) == ""


def test_protection_that_is_lost_again_and_again_is_a_sale_and_a_quarantine() -> None:
    desk = desk_of(max_repairs=3).protected()
    lost = 0
    while not desk.noted(f.QuarantineBegan) and lost < 10:
        lost += 1
        for order in desk.orders()[-2:]:
            desk.report(desk.now_known(order), "CANCELED")
        desk.fresh()
        desk.tick(0.5)
        desk.tick(0.5)
        if desk.sent(PlaceList):
            desk.protect()
    assert lost == 4
    assert desk.position().exit_reason == "its protection was lost 4 times in 60 s"
    assert desk.noted(f.QuarantineBegan)[0].cause == Cause.REPAIRS
    assert [one.order.type for one in desk.sent(PlaceOrder)] == ["MARKET"]


def test_protection_that_is_lost_now_and_then_is_only_placed_again() -> None:
    desk = desk_of(max_repairs=3).protected()
    for _ in range(8):
        for order in desk.orders()[-2:]:
            desk.report(desk.now_known(order), "CANCELED")
        desk.fresh()
        desk.tick(0.5)
        desk.tick(0.5)
        desk.protect()
        desk.now += 30.0
    assert desk.noted(f.QuarantineBegan) == []
    assert desk.position().exit_reason == ""


def test_a_person_quarantines_until_a_time_over_a_restart() -> None:
    desk = desk_of()
    answer = ask(desk, "quarantine", SYMBOL, until=f"{desk.now + 100:.0f}")
    assert answer.is_done
    assert "is quarantined until" in answer.text
    assert denied(desk) == "quarantined"
    assert "by ada: news; ends in 2 min" in desk.noted(f.SignalDenied)[-1].reason
    desk = again(desk)
    assert denied(desk) == "quarantined"
    desk.facts.clear()
    desk.now += 101.0
    assert denied(desk) == ""
    assert [one.reason for one in desk.noted(f.QuarantineEnded)] == ["its time is over"]


def test_what_a_person_wants_for_a_while_shortens_no_other_quarantine() -> None:
    desk = desk_of(max_symbol_stops=2, quarantine_seconds=900.0)
    close(desk, "39600")
    close(desk, "39600")
    assert ask(desk, "quarantine", SYMBOL, until=f"{desk.now + 60:.0f}").is_done
    desk = again(desk)
    desk.now += 61.0
    assert denied(desk) == "quarantined"
    assert [(one.reason, one.cause) for one in desk.noted(f.QuarantineEnded)] == [("its time is over", Cause.HAND)]
    assert "2 stops in a row; probe in 14 min" in desk.noted(f.SignalDenied)[-1].reason


def test_what_fails_meanwhile_outlives_what_a_person_wants() -> None:
    desk = desk_of(max_symbol_stops=1, quarantine_seconds=900.0).protected()
    stop, target = desk.orders()[-2:]
    assert ask(desk, "quarantine", SYMBOL, until=f"{desk.now + 60:.0f}").is_done
    desk.now += 1.0
    desk.hold("BTC", "0")
    desk.hold("USDT", "1000")
    desk.trade(desk.now_known(stop), str(stop.quantity), "39600", desk.order_id())
    desk.report(desk.now_known(target), "EXPIRED")
    desk.tick(1.0)
    desk.now += 61.0
    assert denied(desk) == "quarantined"
    assert "1 stops in a row" in desk.noted(f.SignalDenied)[-1].reason


def test_a_release_ends_what_a_person_wants_and_what_failed() -> None:
    desk = desk_of(max_symbol_stops=1)
    close(desk, "39600")
    ask(desk, "quarantine", SYMBOL)
    assert ask(desk, "release", SYMBOL).is_done
    assert denied(desk) == ""


def test_a_probe_that_is_bought_and_protected_is_no_profit() -> None:
    """Failures are over then; stops in a row count on."""
    desk = desk_of(max_symbol_stops=2, quarantine_failures=1)
    close(desk, "39600")
    desk.refuse(desk.buy(), -2010, "no")
    assert desk.noted(f.QuarantineBegan)[-1].cause == Cause.FAILURES
    desk.now += 61.0
    close(desk, "39600")
    assert [one.cause for one in desk.noted(f.QuarantineEnded)] == [Cause.FAILURES]
    assert desk.noted(f.QuarantineBegan)[-1].reason == "2 stops in a row"
    assert denied(desk) == "quarantined"


def test_a_person_quarantines_a_strategy_until_it_is_released() -> None:
    desk = desk_of()
    assert ask(desk, "quarantine", STRATEGY) == (True, f"{STRATEGY} is quarantined until it is released")
    desk.now += 1e6
    assert denied(desk) == "strategy_quarantined"
    assert denied(desk, "another") == ""
    assert ask(desk, "release", STRATEGY) == (True, f"{STRATEGY} may trade again")
    assert desk.noted(f.QuarantineEnded)[-1].reason == "by ada: news"
    assert ask(desk, "release", STRATEGY) == (False, f"{STRATEGY} is not quarantined")


def test_what_cannot_be_quarantined_is_named() -> None:
    desk = desk_of()
    assert ask(desk, "quarantine", SYMBOL, until="9" * 20).is_done
    assert desk.noted(f.QuarantineBegan)[-1].until == NO_END
    assert ask(desk, "quarantine", "TYPOUSDT") == (False, "TYPOUSDT is neither watched nor held")
    assert ask(desk, "quarantine", SYMBOL, until="1000000000") == (False, "that time is over: 2001-09-09 01:46 UTC")


def test_a_rescue_wipes_nothing() -> None:
    """Protection refused: it is sold at once; the failure stays counted, and the third one is the last."""
    desk = desk_of(quarantine_failures=3)
    for number in range(3):
        desk.bought(strategy=f"s{number}")
        while desk.sent(PlaceList):
            desk.refuse(desk.one(PlaceList), -2010, "too many algo orders")
            desk.fresh()
            desk.tick(1.0)
        [sale] = [one for one in desk.waiting if isinstance(one, CHANGES)]
        assert not isinstance(sale, ReplaceOrder)
        desk.hold("BTC", "0")
        desk.hold("USDT", "1000")
        desk.answer(sale, replace(desk.filled(desk.orders()[-1]), time=int(desk.now * 1000) + 1))
        desk.tick(2.0)
        if desk.noted(f.QuarantineBegan):
            break
    assert desk.noted(f.QuarantineBegan)
    assert denied(desk) == "quarantined"
