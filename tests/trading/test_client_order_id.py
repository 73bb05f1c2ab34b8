"""Client order ids: stable for ever, unique, within the exchange's limits, and each names its owner."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.orders import check_client_order_id
from cq_tui.trading.client_order_id import Leg, client_order_id, is_owner, parse_client_order_id

KEYS = st.text(min_size=1, max_size=80)
OWNERS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=5, max_size=5)
KEY = "trend_multi_tf:BTCUSDT:1m:1700000099999:BUY"
#: The legs that the first version knew.
FIRST_LEGS = [Leg.ENTRY, Leg.OCO, Leg.STOP, Leg.TARGET, Leg.EXIT]


def test_an_id_never_changes() -> None:
    # Open orders on the exchange carry these ids: a change here would orphan them.
    letters = {leg: client_order_id("7k3qz", KEY, leg)[7] for leg in Leg}
    assert "".join(f"{leg} {letter}, " for leg, letter in letters.items()) == (
        "entry e, list l, oco o, stop s, target t, exit x, cancel c, "
    )
    assert client_order_id("7k3qz", KEY, Leg.ENTRY) == "cq7k3qzewabr6l47gab4ac7yk2modbfyqq"
    assert client_order_id("7k3qz", KEY, Leg.STOP, 3) == "cq7k3qzshgbvjtjvojisqup6xyrpbot2o6"


def test_ids_of_the_first_version_stay_known() -> None:
    for leg in FIRST_LEGS:
        assert parse_client_order_id(f"cq-{leg}-wabr6l47gab4ac7yk2modbfyqq") == (None, leg)


@given(OWNERS, KEYS, st.sampled_from(Leg), st.integers(0, 10_000))
def test_any_id_fits_the_exchange_and_names_owner_and_leg(owner: str, key: str, leg: Leg, number: int) -> None:
    made = client_order_id(owner, key, leg, number)
    assert re.fullmatch(r"[a-z0-9]{34}", made)
    assert check_client_order_id(made) == made
    assert parse_client_order_id(made) == (owner, leg)
    assert client_order_id(owner, key, leg, number) == made


@given(st.sets(OWNERS, min_size=1, max_size=3), st.sets(KEYS, min_size=2, max_size=4))
def test_ids_of_different_orders_differ(owners: set[str], keys: set[str]) -> None:
    wanted = list(product(owners, keys, Leg, range(3)))
    assert len({client_order_id(*arguments) for arguments in wanted}) == len(wanted)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "x-abc",
        "cq-entry-",
        "cq-other-" + "a" * 26,
        "cq-list-" + "a" * 26,
        "cq-entry-" + "a" * 27,
        "cq7k3qze" + "a" * 25,
        "cq7k3qze" + "a" * 27,
        "cq7k3qzb" + "a" * 26,
        "cq7K3qze" + "a" * 26,
        "cq7k3qze" + "1" * 26,
        "cq7k3qze" + "a" * 26 + "\n",
        "xcq7k3qze" + "a" * 26,
    ],
)
def test_other_ids_are_not_ours(foreign: str) -> None:
    assert parse_client_order_id(foreign) is None


@pytest.mark.parametrize("owner", ["", "7k3q", "7k3qzz", "7K3qz", "7k-qz", "7k3q\n", "7k3qß", "٣٣٣٣٣"])
def test_what_can_be_no_owner_is_refused(owner: str) -> None:
    assert not is_owner(owner)
    with pytest.raises(ValueError, match=r"is not five characters of a-z and 0-9"):
        client_order_id(owner, KEY, Leg.ENTRY)
