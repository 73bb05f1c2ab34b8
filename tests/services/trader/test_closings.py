"""Flatten, close and resume at a trader's process: answers by symbol, other commands meanwhile, restarts."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.store.control import issue_command, wait_for_answer
from tests.services.processes import running
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import buy
from tests.services.waiting import until

pytestmark = pytest.mark.stack
#: What of an entry can be sold.
LOT = Decimal("0.996")


async def ask(around: World, kind: str, target: str | None = None) -> CommandOutcome:
    command = issue_command(around.data, kind, "trader", issued_by="the test", target=target, arguments={"why": "news"})
    return await wait_for_answer(around.data, command)


async def test_flatten_answers_by_symbol_and_halts_until_resume(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            answer = await ask(around, "flatten")
            assert answer.outcome == "done"
            assert answer.closings is not None
            [row] = answer.closings
            assert (row.symbol, row.result, row.parts, row.dust) == ("BTCUSDT", "sold", 1, True)
            assert (row.sold, row.left, row.base_asset) == ("0.996", "0.000003", "BTC")
            assert row.worth == pytest.approx(0.0003, rel=0.01), "at a price of about 100"
            await until(lambda: process.health.get("trading_state") == "halted")
            around.signal(buy(strategy="later"))
            await until(lambda: around.rejections("trading_halted"))
            assert "flattened by " in str(process.health["blocked_by"])
            process.kill()
        async with trader(around) as process:
            assert process.health["trading_state"] == "halted", "a restart keeps it"
            assert (await ask(around, "resume")).message == "no longer halted after a flatten"
            around.signal(buy(strategy="again"))
            await until(lambda: around.covered == LOT)
            answer = await ask(around, "close", "BTCUSDT")
            assert answer.message == "BTCUSDT closed"
            around.signal(buy(strategy="and again"))
            await until(lambda: around.covered == LOT)


async def test_a_trader_that_just_starts_sells_before_it_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: around.position)
            process.kill()
        # Waits for it: it is claimed before there is a session.
        asking = asyncio.create_task(ask(around, "flatten"))
        await until(lambda: list(around.data.control.glob("*.json")))
        async with running("trader", around.data):
            answer = await asking
        assert (answer.outcome, answer.message) == ("done", "BTCUSDT closed")


async def test_without_an_exchange_the_wish_is_noted_and_carried_out_later(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        around.signal(buy())
        await until(lambda: around.covered == LOT)
        await until(lambda: around.position)
        around.exchange.gone()
        await until(lambda: process.health.get("waiting_for") == "the simulated exchange")
        answer = await ask(around, "flatten")
        assert answer.outcome == "failed"
        assert answer.message == (
            "nothing could be sold yet: the simulated exchange does not run. Start it with `cq-tui up`"
        )
        assert answer.closings is not None
        assert [(row.symbol, row.result, row.left) for row in answer.closings] == [("BTCUSDT", "selling", "0.996003")]
        around.exchange.at(around.at)
        await until(lambda: len(around.account.legs("exit", "FILLED")) == 1)


@pytest.mark.parametrize(
    ("coins", "outcome", "words"),
    [
        ("0", "done", "BTCUSDT closed; in doubt, but that hides nothing to sell: the history of this account"),
        ("0.01", "done", "BTCUSDT closed; in doubt, but that hides nothing to sell: the history of this account"),
        ("0.5", "failed", "BTCUSDT closed; what else is held is not certain (0.5 BTC): the history of this account"),
    ],
    ids=["nothing", "dust", "coins"],
)
async def test_a_history_with_gaps_fails_a_flatten_only_where_coins_of_no_book_could_be_sold(
    tmp_path: Path, coins: str, outcome: str, words: str
) -> None:
    async with world(tmp_path) as around:
        async with trader(around) as process:
            around.signal(buy())
            await until(lambda: around.covered == LOT)
            await until(lambda: around.position)
            process.kill()
        around.data.state_of("trader").unlink()
        spool = around.data.spool / "trader.ndjson"
        first, *others = spool.read_bytes().splitlines(keepends=True)
        gone = next(line for line in others if b'"order_sent"' in line)
        spool.write_bytes(first + b"".join(line for line in others if line is not gone))
        around.account.free["BTC"] += Decimal(coins)
        async with trader(around):
            answer = await ask(around, "flatten")
            assert answer.outcome == outcome, answer
            assert answer.message.startswith(words)
            assert around.account.free["BTC"] == Decimal(coins) + Decimal("0.000003")
