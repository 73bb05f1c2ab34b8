"""``F`` flattens and ``c`` closes: the question has the amounts, and what became of it is shown."""

from collections.abc import Iterator
from contextlib import contextmanager

from textual.pilot import Pilot

from cq_tui.contracts.commands import Command, SymbolClosing
from cq_tui.room.screens.dialog import Dialog
from tests.cli.fake_service import service_that_answers
from tests.room.conftest import (
    MakeRoom,
    screen_text,
    toasts,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_loaded,
)
from tests.room.stage import Stage

SIZE = (118, 40)
SOLD = SymbolClosing(symbol="BTCUSDT", result="sold", sold="0.1", proceeds="4000", parts=1, quote_asset="USDT")
KEPT = SymbolClosing(symbol="ETHUSDT", result="unsellable", left="2", reason="it is halted", base_asset="ETH")


def position(symbol: str, **more: object) -> dict[str, object]:
    return {
        "symbol": symbol, "size": 0.1, "entry_price": 40000.0, "unrealized_pnl": 12.5, "opened_ts": 1.0,
        "stop_loss": 39600.0, "protection": "working", "state": "protected", **more,
    }  # fmt: skip


def hold(stage: Stage, *symbols: str, coins: dict[str, str] | None = None, **more: object) -> None:
    stage.account(positions={one: position(one, **more) for one in symbols}, orders=[], foreign_coins=coins)


@contextmanager
def trader(stage: Stage, *closings: SymbolClosing, outcome: str = "done") -> Iterator[list[Command]]:
    """Answer commands in the place of the trader."""
    with service_that_answers(stage.data, "trader", lambda _: (outcome, "still held: ETHUSDT", [*closings])) as asked:
        yield asked


async def closed(pilot: Pilot[int]) -> None:
    await wait_until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))


async def test_flatten_names_amounts_halts_and_shows_what_is_left(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage, "BTCUSDT", "ETHUSDT", coins={"SOL": "3"}, unsellable="0.00002")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("F")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "Sell everything and halt?")
        assert "BTCUSDT: 0.1" in screen_text(pilot)
        assert "unrealized +" in screen_text(pilot)
        assert "0.00002 of it stays: too little to sell" in screen_text(pilot)
        assert "cq-tui flatten --all" in screen_text(pilot), "coins that are not ours stay"
        await pilot.press("F", "enter")
        await closed(pilot)
        assert not stage.data.stop_of("halted").exists(), "no has the focus, and the opening key does not confirm"
        with trader(stage, SOLD, KEPT, outcome="failed") as asked:
            await pilot.press("F")
            await wait_for_question(pilot)
            await pilot.press("w", *"news", "enter", "enter")
            await wait_for_text(pilot, "Still held: ETHUSDT")
            assert "ETHUSDT: cannot be sold now" in screen_text(pilot)
            assert toasts(app) == [], "none lies over the answer"
            assert "cannot be sold now" in screen_text(pilot)
            assert "it is halted" in screen_text(pilot)
        assert [(one.command, one.target, one.issued_by) for one in asked] == [("flatten", None, "room")]
        assert [one.arguments for one in asked] == [{"why": "news"}]
        assert ": news" in stage.data.stop_of("halted").read_text()
        assert stage.data.stop_of("halted").exists()


async def test_c_closes_the_only_position_or_asks_which(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage, "BTCUSDT")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        with trader(stage, SOLD) as asked:
            await pilot.press("c")
            await wait_for_text(pilot, "Close BTCUSDT?")
            await wait_for_question(pilot)
            await pilot.press("y")
            await wait_until(pilot, lambda: any("0.1 for 4000 USDT" in toast for toast in toasts(app)))
            hold(stage, "BTCUSDT", "DOGEUSDT")
            await wait_until(pilot, lambda: app.state is not None and len(app.state.account.positions) == 2)  # type: ignore[union-attr]
            await pilot.press("1", "c")
            await wait_for_text(pilot, "Which position do you want to close?")
            await wait_for_question(pilot)
            await pilot.press("2")
            await wait_for_text(pilot, "Close DOGEUSDT?")
            await wait_for_question(pilot)
            await pilot.press("y")
            await wait_until(pilot, lambda: len(asked) == 2)
        assert [(one.command, one.target) for one in asked] == [("close", "BTCUSDT"), ("close", "DOGEUSDT")]
        assert not stage.data.stop_of("halted").exists()


async def test_without_a_position_nothing_is_asked(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage)
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("c")
        await wait_until(pilot, lambda: any("No position is open" in toast for toast in toasts(app)))


async def test_quitting_says_which_stops_stand_at_the_exchange(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage, "BTCUSDT")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("q")
        await wait_for_text(pilot, "BTCUSDT 0.1: its stop at 39600 stands at the exchange")
        await pilot.press("escape")
        await closed(pilot)


async def test_of_many_positions_those_without_a_stop_are_named_and_the_rest_is_counted(
    stage: Stage, make_room: MakeRoom
) -> None:
    symbols = [f"A{number}USDT" for number in range(14)]
    rows = {one: position(one) for one in symbols}
    stage.account(positions=rows | {"ZUSDT": position("ZUSDT", protection="missing")}, orders=[])
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("q")
        await wait_for_text(pilot, "You have 15 open positions.")
        assert "ZUSDT 0.1: NO STOP" in screen_text(pilot)
        assert "a stop all" in screen_text(pilot)
        await wait_for_question(pilot)
        assert isinstance(app.screen, Dialog)
        app.screen.query_one("#box").scroll_end(animate=False)
        await wait_for_text(pilot, "and 3 more")


async def test_the_choice_shows_nine_positions_and_says_how_to_close_another(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage, *(f"A{number}USDT" for number in range(12)))
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("1", "c")
        await wait_for_text(pilot, "Which position do you want to close?")
        text = screen_text(pilot)
        assert all(f"{number + 1} A{number}USDT: 0.1" in text for number in range(9))
        assert "one of the other 3" in text
        assert "n no" in text


async def test_without_a_trader_a_process_of_its_own_sells_and_is_heard(stage: Stage, make_room: MakeRoom) -> None:
    hold(stage, "BTCUSDT")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        for service in ("trader", "supervisor", "exchange"):
            stage.data.lock_of(service).unlink(missing_ok=True)
        await pilot.press("F")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: any("selling directly" in toast for toast in toasts(app)))
        await wait_for_text(pilot, "What the account holds is not known: the simulated exchange does")
        assert stage.data.stop_of("halted").exists()
