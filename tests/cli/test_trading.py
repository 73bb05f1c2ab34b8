"""What a person asks of the trader, and the answer."""

from collections.abc import Callable

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trader_requests import read_request
from cq_tui.store.person import person_here
from tests.cli.conftest import CommandResult
from tests.cli.fake_service import service_that_answers

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
