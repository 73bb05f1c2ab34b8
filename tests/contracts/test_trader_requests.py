"""What a person asks of the trader, read from command files that may say anything."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.commands import Command
from cq_tui.contracts.trader_requests import TraderRequest, read_request


def command(kind: str, acts_on: str | None, person: str | None = "kim", **arguments: Any) -> Command:
    return Command(
        command_id="1",
        command=kind,
        service="trader",
        target=acts_on,
        arguments=arguments,
        issued_by="cli",
        person=person,
        issued_ts=1.0,
        expires_ts=2.0,
    )


@pytest.mark.parametrize(
    ("given", "request_"),
    [
        (command("flatten", None), TraderRequest("flatten", "", "kim", "", {})),
        (command("flatten", "BTCUSDT", None), TraderRequest("flatten", "BTCUSDT", "cli", "", {})),
        (command("release_symbol", "BTCUSDT"), TraderRequest("release_symbol", "BTCUSDT", "kim", "", {})),
        (
            command("accept", "BTCUSDT", why=" sold by hand "),
            TraderRequest("accept", "BTCUSDT", "kim", "sold by hand", {}),
        ),
        (command("accept", "account", why="x"), TraderRequest("accept", "", "kim", "x", {})),
        (command("accept", "A", why="x" * 500), TraderRequest("accept", "A", "kim", "x" * 500, {})),
        (command("accept", "owner", why="x"), TraderRequest("accept", "owner", "kim", "x", {})),
        (command("accept", "币安人生USDT", why="售"), TraderRequest("accept", "币安人生USDT", "kim", "售", {})),
        (command("accept", "drawdown", why="x"), TraderRequest("accept", "drawdown", "kim", "x", {})),
        (
            command("quarantine", "trend_multi_tf", why="news", until="1800000000.5"),
            TraderRequest("quarantine", "trend_multi_tf", "kim", "news", {"until": Decimal("1800000000.5")}),
        ),
        (command("release", "trend_multi_tf"), TraderRequest("release", "trend_multi_tf", "kim", "", {})),
        (command("release", "A", why="over"), TraderRequest("release", "A", "kim", "over", {})),
        (
            command("adopt", "BTCUSDT", stop="90000.10", target="100000", quantity="0.5"),
            TraderRequest(
                "adopt",
                "BTCUSDT",
                "kim",
                "",
                {"stop": Decimal("90000.10"), "target": Decimal(100000), "quantity": Decimal("0.5")},
            ),
        ),
        (command("adopt", "BTCUSDT", stop="1"), TraderRequest("adopt", "BTCUSDT", "kim", "", {"stop": Decimal(1)})),
        (
            command("adopt", "BTCUSDT", stop="1", strategy="trend_multi_tf"),
            TraderRequest("adopt", "BTCUSDT", "kim", "", {"stop": Decimal(1)}, strategy="trend_multi_tf"),
        ),
    ],
)
def test_what_is_well_formed_is_read(given: Command, request_: TraderRequest) -> None:
    assert read_request(given) == request_


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (command("quarantine", "BTCUSDT"), "a reason is needed"),
        (command("quarantine", "a b", why="x"), "'a b' is not the name of a symbol or strategy"),
        (command("quarantine", "BTCUSDT", why="x", until="soon"), "until 'soon' is not a positive number"),
        (command("accept", None, why="x"), "'' is not a symbol such as BTCUSDT"),
        (command("accept", "btcusdt", why="x"), "symbols are written in capitals, such as BTCUSDT"),
        (command("accept", "BTC/USDT", why="x"), "is not a symbol"),
        (command("accept", "BTCUSDT\n", why="x"), "is not a symbol"),
        (command("accept", "BTCUSDT"), "a reason is needed"),
        (command("accept", "BTCUSDT", why=" \n"), "a reason is needed"),
        (command("accept", "BTCUSDT", why=7), "a reason is needed"),
        (command("accept", "BTCUSDT", why="two\nlines"), "one line of at most 500 printable characters"),
        (command("accept", "BTCUSDT", why="x" * 501), "one line of at most 500"),
        (command("accept", "BTCUSDT", why="\udcff"), "printable"),
        (command("adopt", "owner", stop="1"), "symbols are written in capitals"),
        (command("adopt", "BTCUSDT"), "a stop is needed"),
        (command("adopt", "BTCUSDT", target="5"), "a stop is needed"),
        (command("adopt", "BTCUSDT", stop="5", target="5"), "target 5 is not above stop 5"),
        (command("adopt", "BTCUSDT", stop="5", strategy=""), "'' is not the name of a strategy"),
        (command("adopt", "BTCUSDT", stop="5", strategy=7), "7 is not the name of a strategy"),
        (command("adopt", "BTCUSDT", stop="5", quantity="0"), "quantity '0' is not a positive number"),
        (command("flatten", "btcusdt"), "written in capitals"),
        (command("flatten", "account"), "written in capitals"),
        (command("release_symbol", "owner"), "written in capitals"),
        (command("release_symbol", None), "is not a symbol"),
    ],
)
def test_what_is_not_is_refused_in_words(given: Command, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_request(given)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.000", "-1", "+1", "1e5", "1,000", "1_000", "NaN", "Infinity", ".5", "5.", "٣", " 1", "1\n", "9" * 21],
)
@pytest.mark.parametrize("name", ["stop", "target", "quantity"])
def test_only_plain_positive_decimals_are_prices(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name} .* is not a positive number such as 95000.5"):
        read_request(command("adopt", "BTCUSDT", **{"stop": "1", name: text}))


@pytest.mark.parametrize("value", [95000.5, 5, True, ["5"], {}])
def test_a_price_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"stop .* is not a positive number"):
        read_request(command("adopt", "BTCUSDT", stop=value))


@given(st.decimals(min_value=Decimal("1e-8"), max_value=Decimal("1e12"), allow_nan=False, places=8))
def test_every_price_of_the_exchange_is_read_exactly(price: Decimal) -> None:
    assert read_request(command("adopt", "BTCUSDT", stop=f"{price:f}")).numbers == {"stop": price}
