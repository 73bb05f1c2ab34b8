"""Requests for many symbols: parts that the exchange takes, and wrong names that void no others."""

from urllib.parse import quote

import orjson
import pytest

from cq_tui.binance.errors import ApiError, InvalidSymbol
from cq_tui.binance.symbol_parts import MAX_ENCODED, MAX_SYMBOLS, ask_in_parts, in_parts


def test_five_hundred_symbols_are_five_parts_in_order() -> None:
    symbols = [f"S{number}USDT" for number in range(500)]
    parts = in_parts(symbols)
    assert [len(part) for part in parts] == [MAX_SYMBOLS] * 5
    assert [symbol for part in parts for symbol in part] == symbols


def test_a_name_that_is_there_twice_is_asked_for_once() -> None:
    assert in_parts(["A", "B", "A"]) == [["A", "B"]]


def test_long_names_make_shorter_parts() -> None:
    symbols = [f"币安人生币安人生币安人生{number}USDT" for number in range(100)]
    parts = in_parts(symbols)
    assert len(parts) > 1
    assert [symbol for part in parts for symbol in part] == symbols
    assert all(len(quote(orjson.dumps(part).decode(), safe="")) <= MAX_ENCODED + len("%5B%5D") for part in parts)


class Asked:
    """An exchange that refuses some names with a code, and keeps what it was asked for."""

    def __init__(self, code: int, *wrong: str) -> None:
        self.code, self.wrong = code, set(wrong)
        self.parts: list[list[str]] = []

    async def __call__(self, part: list[str]) -> list[str]:
        self.parts.append(part)
        if self.wrong & set(part):
            raise ApiError(400, self.code, "refused")
        return part


@pytest.mark.parametrize("code", [-1121, -1100])
async def test_wrong_names_void_no_others(code: int) -> None:
    symbols = [f"S{number}" for number in range(250)]
    ask = Asked(code, "S7", "S249")
    answers, refused = await ask_in_parts(symbols, ask)
    assert {symbol for part in answers for symbol in part} == set(symbols) - {"S7", "S249"}
    assert set(refused) == {"S7", "S249"}
    # A wrong name among a hundred costs two requests for each halving.
    assert len(ask.parts) <= 3 + 2 * 7 * 2


async def test_only_wrong_names_are_an_error() -> None:
    with pytest.raises(InvalidSymbol, match="S1, S2"):
        await ask_in_parts(["S1", "S2"], Asked(-1121, "S1", "S2"))


async def test_another_refusal_ends_it() -> None:
    with pytest.raises(ApiError, match="-1003"):
        await ask_in_parts(["S1", "S2"], Asked(-1003, "S1"))
