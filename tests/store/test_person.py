"""Who gives a command, as it is recorded."""

import os

import pytest

from cq_tui.store.owner import user_name
from cq_tui.store.person import person_here

NAME = user_name(os.getuid())


@pytest.mark.parametrize(
    ("environment", "person"),
    [
        ({}, NAME),
        ({"USER": "somebody", "LOGNAME": "else"}, NAME),
        ({"SSH_CONNECTION": "192.0.2.7 51234 198.51.100.1 22"}, f"{NAME} from 192.0.2.7"),
        ({"SSH_CONNECTION": "2001:db8::7 51234 2001:db8::1 22"}, f"{NAME} from 2001:db8::7"),
        ({"SSH_CONNECTION": ""}, NAME),
        ({"SSH_CONNECTION": "  "}, NAME),
        ({"SSH_CONNECTION": "\x1b[2J 1 2 3"}, NAME),
    ],
)
def test_the_name_is_the_systems_and_the_origin_an_address_or_nothing(environment: dict[str, str], person: str) -> None:
    assert person_here(environment) == person


@pytest.mark.skipif(os.getuid() != 0, reason="only root comes from sudo")
def test_root_says_who_it_was_before() -> None:
    assert person_here({"SUDO_USER": "kim"}) == f"kim as {NAME}"
    assert person_here({"SUDO_USER": "k\x07m"}) == NAME
