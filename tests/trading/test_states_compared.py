"""Only the two tables compare states: elsewhere a state is asked by name what it means."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cq_tui
from cq_tui.trading.order_life import HEARD_FROM_EXCHANGE, OrderStatus, may_be_open, status_of
from cq_tui.trading.position_life import PositionState, state_of

PACKAGE = Path(cq_tui.__file__).parent
TABLES = {PACKAGE / "trading" / "order_life.py", PACKAGE / "trading" / "position_life.py"}
#: They have words of their own: the exchange and its client, and documents as they were written.
OTHERS = ("simulator", "binance", "contracts")
#: The words of both lives that are no words of anything else.
WORDS = {*OrderStatus, *PositionState, *(word.lower() for word in HEARD_FROM_EXCHANGE)} - {"new", "closed"}


def is_state(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="OrderStatus" | "PositionState")):
            return True
        case ast.Tuple(elts=nodes) | ast.List(elts=nodes) | ast.Set(elts=nodes):
            return any(map(is_state, nodes))
        case ast.Constant(value=str(word)):
            return word.lower() in WORDS
    return False


def comparisons(source: str) -> Iterator[int]:
    """Yield the lines that compare states, by ``is``, ``==``, ``in`` or ``match``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare() if any(map(is_state, (node.left, *node.comparators))):
                yield node.lineno
            case ast.MatchValue(value=value) if is_state(value):
                yield node.lineno


@pytest.mark.parametrize(
    "source",
    [
        "order.status is OrderStatus.NEW",
        "order.status in (OrderStatus.NEW, OrderStatus.FILLED)",
        "PositionState.CLOSED != position.state",
        'order.status == "FILLED"',
        'order["status"] in ("new", "partially_filled")',
        'match state:\n    case "unsellable": pass',
        "match state:\n    case OrderStatus.NEW: pass",
    ],
)
def test_a_comparison_is_noticed(source: str) -> None:
    assert list(comparisons(source))


def test_nothing_else_compares_states() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in OTHERS]
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in files
        if path not in TABLES
        for line in comparisons(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize("status", OrderStatus)
def test_a_word_names_its_state_however_it_is_written(status: OrderStatus) -> None:
    assert status_of(status.value) is status_of(status.value.upper()) is status
    assert may_be_open(status.value) is not status.is_terminal


def test_words_of_the_exchange_and_unknown_ones() -> None:
    assert status_of("PENDING_NEW") is OrderStatus.PENDING
    assert status_of("EXPIRED_IN_MATCH") is OrderStatus.EXPIRED
    assert status_of("of a later version") is None
    assert may_be_open("of a later version")
    assert [state_of(state.value) for state in PositionState] == [*PositionState]
    assert state_of("of a later version") is None


@pytest.mark.parametrize("status", OrderStatus)
def test_every_state_is_one_of_unseen_working_and_ended(status: OrderStatus) -> None:
    assert [status.is_unseen, status.is_working, status.is_terminal].count(True) == 1
    assert status.is_accepted is (status.is_working or status.is_pending)
    assert status.is_unseen is (status.is_undecided or status.is_pending)
