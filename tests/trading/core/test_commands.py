"""What a person asks the core for is done, and the answer says what."""

from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.command_answer import CommandAnswer
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, ReplaceOrder
from tests.trading.core.desk import SYMBOL, Desk, market_desk


def ask(desk: Desk, kind: str, symbol: str = "") -> CommandAnswer:
    desk.tell(i.Command(kind, symbol, "ada", "because"))
    return desk.core.command_answer


def test_flatten_sells_what_is_held() -> None:
    desk = market_desk()
    assert ask(desk, "close") == (True, "no open position")
    desk.protected()
    assert ask(desk, "flatten", "ETHUSDT") == (True, "no open position")
    assert ask(desk, "flatten", SYMBOL) == (True, f"closing {SYMBOL}")
    assert desk.position().exit_reason == "flatten, requested by ada"
    assert desk.one(ReplaceOrder).replace.new.type == "MARKET"
    assert ask(desk, "flatten") == (True, f"closing {SYMBOL}")
    assert len(desk.noted(f.ExitWanted)) == 1, "wanted once"


def test_flatten_ends_the_pause_after_a_refused_exit() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    ask(desk, "flatten")
    lane = desk.core.situation.lane(SYMBOL)
    lane.exit_pause.fail(desk.now, 60.0)
    ask(desk, "flatten", SYMBOL)
    assert lane.exit_pause.failures == 0


def test_a_quarantined_symbol_is_released() -> None:
    desk = market_desk()
    assert ask(desk, "release_symbol", SYMBOL) == (False, f"{SYMBOL} is not quarantined")
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), -2010)
        desk.now += 2.0
    assert desk.core.book.quarantine.get(SYMBOL) is not None
    assert ask(desk, "release_symbol", SYMBOL) == (True, f"{SYMBOL} may trade again")
    assert desk.core.book.quarantine.get(SYMBOL) is None
    assert desk.noted(f.QuarantineEnded)[0].reason == "by ada: because"
    assert isinstance(desk.buy(strategy="s4"), PlaceOrder)


def test_an_unknown_command_is_named() -> None:
    desk = market_desk()
    assert ask(desk, "dance") == (False, "the trader has no command 'dance'")
    assert desk.sent(PlaceList) == []
