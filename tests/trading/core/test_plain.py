"""Values as plain JSON and back: exact, and what does not fit is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.plain import NotPlain, from_plain, to_plain


class Pair(NamedTuple):
    name: str
    number: int = 0


@dataclass(frozen=True)
class Inner:
    amount: Decimal
    leg: Leg = Leg.STOP


@dataclass(frozen=True)
class Outer:
    side: Literal["BUY", "SELL"]
    ratio: float
    note: str = ""
    number: int | None = None
    flag: bool = False
    inner: Inner | None = None
    pairs: tuple[Pair, ...] = ()
    fixed: tuple[str, int] = ("x", 1)
    by_leg: dict[Leg, list[int]] = field(default_factory=dict)
    by_pair: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
OUTERS = st.builds(
    Outer, side=st.sampled_from(["BUY", "SELL"]), ratio=st.floats(allow_nan=False, allow_infinity=False),
    note=st.text("aé€𝄞\n\"\\ "), number=st.none() | st.integers(-(2**53), 2**53), flag=st.booleans(),
    inner=st.none() | st.builds(Inner, amount=DECIMALS.filter(lambda one: abs(one.adjusted()) < 40)),
    pairs=st.lists(st.builds(Pair, name=st.just("n"), number=st.integers(-9, 9))).map(tuple),
    fixed=st.tuples(st.just("y"), st.integers(0, 9)),
    by_leg=st.dictionaries(st.sampled_from(Leg), st.lists(st.integers(0, 9))),
    by_pair=st.dictionaries(st.tuples(st.just("a"), st.sampled_from("bcd")), st.decimals(0, 9, places=4)),
)  # fmt: skip


@given(OUTERS)
def test_a_value_reads_back_as_it_was(value: Outer) -> None:
    assert from_plain(Outer, orjson.loads(orjson.dumps(to_plain(value)))) == value


def test_empty_defaults_are_left_out_and_zero_is_not() -> None:
    assert to_plain(Outer("BUY", 0.0)) == {
        "side": "BUY", "ratio": 0.0, "fixed": ["x", 1], "by_leg": {}, "by_pair": {},
    }  # fmt: skip
    assert to_plain(Outer("BUY", 0.0, number=0))["number"] == 0
    assert to_plain(Pair("n")) == {"name": "n", "number": 0}


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ({"ratio": 1.0}, "Outer: field 'side' is missing"),
        ({"side": "HOLD", "ratio": 1.0}, "Outer.side: 'HOLD' is no"),
        ({"side": "BUY", "ratio": True}, "Outer.ratio"),
        ({"side": "BUY", "ratio": 1, "number": True}, "Outer.number"),
        ({"side": "BUY", "ratio": 1, "inner": {"amount": 1.5}}, "Outer.inner: Inner.amount: '1.5' is no decimal text"),
        ({"side": "BUY", "ratio": 1, "inner": {"amount": "NaN"}}, "decimal text"),
        ({"side": "BUY", "ratio": 1, "inner": {"amount": "1", "leg": "arm"}}, "'arm' is no Leg"),
        ({"side": "BUY", "ratio": 1, "pairs": {}}, "no list"),
        ({"side": "BUY", "ratio": 1, "fixed": ["x"]}, "no list of 2"),
        ({"side": "BUY", "ratio": 1, "by_leg": 7}, "no object"),
        ([], "no object with the fields of Outer"),
    ],
)
def test_what_does_not_fit_is_named(plain: object, says: str) -> None:
    with pytest.raises(NotPlain) as raised:
        from_plain(Outer, plain)
    assert says in str(raised.value)


def test_what_has_no_plain_form_is_a_defect() -> None:
    with pytest.raises(TypeError, match="no plain form"):
        to_plain({1, 2})
    with pytest.raises(TypeError, match="no plain form"):
        from_plain(set, [1])
