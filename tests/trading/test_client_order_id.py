"""Client order ids: stable for ever, unique, within the exchange's limits."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.orders import check_client_order_id
from cq_tui.trading.client_order_id import Leg, client_order_id, leg_of

KEYS = st.text(min_size=1, max_size=80)


def test_an_id_never_changes() -> None:
    # Open orders on the exchange carry these ids: a change here would orphan them.
    key = "trend_multi_tf:BTCUSDT:1m:1700000099999:BUY"
    assert client_order_id(key, Leg.ENTRY) == "cq-entry-wabr6l47gab4ac7yk2modbfyqq"
    assert client_order_id(key, Leg.STOP, 3) == "cq-stop-hgbvjtjvojisqup6xyrpbot2o6"


@given(KEYS, st.sampled_from(Leg), st.integers(0, 10_000))
def test_any_id_fits_the_exchange_and_names_its_leg(key: str, leg: Leg, number: int) -> None:
    made = client_order_id(key, leg, number)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", made)
    assert check_client_order_id(made) == made
    assert leg_of(made) is leg
    assert client_order_id(key, leg, number) == made


@given(st.sets(KEYS, min_size=2, max_size=6))
def test_ids_of_different_orders_differ(keys: set[str]) -> None:
    wanted = list(product(keys, Leg, range(4)))
    assert len({client_order_id(*arguments) for arguments in wanted}) == len(wanted)


@pytest.mark.parametrize("foreign", ["", "x-abc", "cq-entry-", "cq-other-" + "a" * 26, "cq-entry-" + "a" * 27])
def test_other_ids_are_not_ours(foreign: str) -> None:
    assert leg_of(foreign) is None
