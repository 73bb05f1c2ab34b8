"""The tickers document: a parser by hand that trusts nothing."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.tickers import Ticker, TickersDocument, TickersError, tickers_from_bytes, tickers_to_bytes

TICKER = Ticker(45000.0, 1.5, 44999.5, 45000.5, 1000.0, 1640995200.0, 2)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.floats(0, 4e9),
    st.dictionaries(
        st.text(), st.builds(Ticker, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, st.floats(0, 4e9), st.integers(0, 18))
    ),
)
def test_round_trip_and_schema(timestamp: float, tickers: dict[str, Ticker]) -> None:
    content = tickers_to_bytes(timestamp, tickers)
    assert tickers_from_bytes(content) == (timestamp, tickers)
    TickersDocument.model_validate(orjson.loads(content))


@given(st.binary(max_size=60))
def test_bytes_that_are_no_document_are_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(TickersError):
        tickers_from_bytes(content)


@pytest.mark.parametrize("field", Ticker._fields)
@pytest.mark.parametrize("value", [None, "1", [], {}, "missing"])
def test_a_bad_field_is_named_with_its_symbol(field: str, value: Any) -> None:
    entry: dict[str, Any] = TICKER._asdict() | {field: value}
    if value == "missing":
        del entry[field]
    with pytest.raises(TickersError, match=rf"'\[red\]'.*{field}"):
        tickers_from_bytes(orjson.dumps({"timestamp": 1.0, "tickers": {"[red]": entry}}))


@pytest.mark.parametrize("decimals", [-1, 19, 2.0, True])
def test_decimals_are_a_small_count(decimals: object) -> None:
    with pytest.raises(TickersError, match="decimals"):
        tickers_from_bytes(
            orjson.dumps({"timestamp": 1.0, "tickers": {"A": TICKER._asdict() | {"decimals": decimals}}})
        )


@pytest.mark.parametrize(
    "body", [[], {}, {"timestamp": 1}, {"tickers": {}}, {"timestamp": "1", "tickers": {}}, 5, None]
)
def test_a_document_of_another_shape_is_refused(body: object) -> None:
    with pytest.raises(TickersError, match="timestamp"):
        tickers_from_bytes(orjson.dumps(body))


def test_spread_in_basis_points() -> None:
    assert TICKER.spread_bp == pytest.approx(10_000 / 45_000)
    assert TICKER._replace(bid=0.0).spread_bp == 0.0
    assert TICKER._replace(bid=0.0, ask=0.0).spread_bp == 0.0
