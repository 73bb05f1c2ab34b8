"""What a person asks of the trader, and the answer."""

import asyncio
import os
import pty
import subprocess
from collections.abc import Callable

import orjson
import pytest

from cq_tui.contracts.commands import Command, SymbolClosing
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trader_requests import read_request
from cq_tui.ops.close_positions import close_positions
from cq_tui.ops.closings import ClosingAnswer
from cq_tui.ops.trading_state import resume_symbol
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.person import person_here
from tests.cli.conftest import CommandResult, command
from tests.cli.fake_service import service_that_answers
from tests.cli.test_processes import until

Cq = Callable[..., CommandResult]


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["accept", "BTCUSDT", "--why", "sold by hand"], {"why": "sold by hand"}),
        (["accept", "owner", "--why", " the old disk is gone "], {"why": "the old disk is gone"}),
        (["adopt", "BTCUSDT", "--stop", "090000.10"], {"stop": "90000.10"}),
        (
            ["adopt", "BTCUSDT", "--stop", "9", "--target", "10", "--quantity", "0.00000001"],
            {"stop": "9", "target": "10", "quantity": "0.00000001"},
        ),
        (["adopt", "BTCUSDT", "--stop", "9", "--strategy", "my_own"], {"stop": "9", "strategy": "my_own"}),
    ],
    ids=" ".join,
)
def test_it_is_asked_exactly_and_the_answer_is_printed(
    cq: Cq, data: DataDir, words: list[str], arguments: dict[str, str]
) -> None:
    with service_that_answers(data, "trader", lambda _: ("done", "as asked")) as asked:
        assert cq(*words, code=0).out == "as asked\n"
    [command] = asked
    assert (command.command, command.target, command.arguments) == (words[0], words[1], arguments)
    request = read_request(command)
    assert (request.kind, request.symbol, request.person) == (words[0], words[1], person_here())


@pytest.mark.parametrize(
    "words", [["accept", "NOSUCH", "--why", "x"], ["adopt", "NOSUCH", "--stop", "1"]], ids=" ".join
)
def test_a_refusal_is_told_with_code_1(cq: Cq, data: DataDir, words: list[str]) -> None:
    with service_that_answers(data, "trader", lambda _: ("refused", "NOSUCH is not a symbol of this exchange")):
        told = cq(*words, code=1)
    assert "refused: NOSUCH is not a symbol of this exchange" in told.err
    assert told.out == ""


SOLD = SymbolClosing(
    symbol="BTCUSDT", result="sold", sold="0.0250", proceeds="1000.5", parts=3, left="0.00001", worth=0.4, dust=True,
    base_asset="BTC", quote_asset="USDT",
)  # fmt: skip
KEPT = SymbolClosing(
    symbol="ETHUSDT", result="unsellable", left="12", worth=30000.0, reason="it is halted", base_asset="ETH",
    quote_asset="USDT",
)  # fmt: skip
NOT_HELD = SymbolClosing(symbol="SOLUSDT", result="not_held")


def test_flatten_halts_first_and_says_what_became_of_each_symbol(cq: Cq, data: DataDir) -> None:
    halted = []

    def answer(_: Command) -> tuple[str, str, list[SymbolClosing]]:
        halted.append(data.stop_of("halted").exists())
        return "done", "BTCUSDT closed", [SOLD, NOT_HELD]

    with service_that_answers(data, "trader", answer) as asked:
        told = cq("flatten", "--why", "the news", code=0)
    assert told.out.splitlines() == [
        "BTCUSDT  sold in 3 parts  0.025 BTC for 1000.5 USDT  dust: 0.00001 BTC, worth 0.40 USDT",
        "SOLUSDT  not held",
    ]
    [command] = asked
    assert (command.command, command.target, command.arguments) == ("flatten", None, {"why": "the news"})
    assert halted == [True]
    assert "the news" in data.stop_of("halted").read_text()


def test_what_is_left_is_named_with_code_1(cq: Cq, data: DataDir) -> None:
    failed = "failed", "still held, and tried again: ETHUSDT", [SOLD, KEPT]
    with service_that_answers(data, "trader", lambda _: failed):
        told = cq("flatten", "ETHUSDT", code=1)
    assert told.out.splitlines()[1] == (
        "ETHUSDT  cannot be sold now                             left: 12 ETH, worth 30,000.00 USDT: it is halted"
    )
    assert "still held, and tried again: ETHUSDT" in told.err
    assert not data.stop_of("halted").exists(), "a symbol alone is locked by the trader"


def test_close_asks_for_one_symbol_and_halts_nothing(cq: Cq, data: DataDir) -> None:
    with service_that_answers(data, "trader", lambda _: ("done", "no open position")) as asked:
        assert cq("close", "BTCUSDT", code=0).out == "no open position\n", "as a trader of an earlier version answers"
    assert (asked[0].command, asked[0].target) == ("close", "BTCUSDT")
    assert not data.stop_of("halted").exists()
    assert "such as BTCUSDT" in cq("close", "btcusdt", code=2).err


def test_a_flatten_withdraws_a_resumption_that_no_trader_has_taken(data: DataDir) -> None:
    prepare_data_directory(data)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert resume_symbol(data, symbol, "cli").done == f"{symbol} may be opened again once the trader runs"

    async def sell(_: DataDir, command: Command, __: object) -> ClosingAnswer:
        return ClosingAnswer(True, f"{command.command} {command.target}", [])

    answer = asyncio.run(close_positions(data, "flatten", "BTCUSDT", "cli", None, lambda _: None, sell))
    assert answer.message == "flatten BTCUSDT"
    waiting = [orjson.loads(path.read_bytes()) for path in data.control.glob("*.json")]
    assert [(one["command"], one["target"]) for one in waiting] == [("resume", "ETHUSDT")]


def test_a_resumption_waits_for_a_trader_that_is_dead(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.state_of("trader").write_text("{}")
    cq("halt", code=0)
    cq("resume", "--why", "all is well", code=0)
    with service_that_answers(data, "trader", lambda _: ("done", "")) as asked:
        until(lambda: asked)
    assert (asked[0].command, asked[0].target, asked[0].arguments) == ("resume", None, {"why": "all is well"})


def test_flatten_all_asks_for_coins_that_are_not_ours_too(cq: Cq, data: DataDir) -> None:
    with service_that_answers(data, "trader", lambda _: ("done", "BTCUSDT closed", [SOLD, LEFT])) as asked:
        told = cq("flatten", "--all", "--yes", code=0)
    assert asked[0].arguments == {"all": "true"}
    assert read_request(asked[0]).foreign
    assert told.out.splitlines()[1].split() == ["XYZ", "not", "sold", "left:", "5", "XYZ:", "no", "market"]
    assert data.stop_of("halted").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["flatten", "--all"], "needs a terminal to ask on, or --yes"),
        (["flatten", "BTCUSDT", "--all", "--yes"], "leave out SYMBOL"),
    ],
    ids=" ".join,
)
def test_flatten_all_that_is_not_meant_changes_nothing(cq: Cq, data: DataDir, words: list[str], complaint: str) -> None:
    prepare_data_directory(data)
    with service_that_answers(data, "trader", lambda _: ("done", "")) as asked:
        assert complaint in " ".join(cq(*words, code=2).err.replace("│", " ").split())
    assert asked == []
    assert not data.stop_of("halted").exists()


LEFT = SymbolClosing(symbol="XYZ", result="left", left="5", reason="no market", base_asset="XYZ")


@pytest.mark.parametrize(("typed", "is_meant"), [("", False), ("n", False), ("y", True)])
def test_on_a_terminal_it_lists_the_coins_and_asks(data: DataDir, typed: str, is_meant: bool) -> None:
    prepare_data_directory(data)
    held = {"timestamp": 0.0, "mode": "live", "equity": 0.0, "available_balance": 0.0, "foreign_coins": {"XYZ": "5"}}
    write_document(data.account, held)
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with service_that_answers(data, "trader", lambda _: ("done", "", [LEFT])) as asked:
        told = subprocess.run(
            command("--data-dir", str(data.root), "flatten", "--all"), stdin=theirs, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert "XYZ 5, price not known here" in told.stderr
    assert (told.returncode, len(asked)) == (int(not is_meant), int(is_meant))
    assert data.stop_of("halted").exists() is is_meant
