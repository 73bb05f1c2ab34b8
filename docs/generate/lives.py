"""``lives.md``: the states of orders and positions, drawn from their tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from cq_tui.trading import order_life, position_life
from docs.generate import markdown

State = TypeVar("State", bound=StrEnum)
Message = TypeVar("Message", bound=StrEnum)


def page() -> str:
    """Return the page."""
    return markdown.page(
        "Lives of orders and positions",
        "Each life is one table in the code: `cq_tui/trading/order_life.py` and `cq_tui/trading/position_life.py`. "
        "Nothing else compares states. What a table does not list changes nothing for an order, which is how late and "
        "repeated messages do no harm. A position's table lists everything.",
        "## An order",
        "A state is entered when the trader hears of it: from the answer to a request, a report of the account stream, "
        "or a query. `unknown` ends by evidence only.",
        _diagram(order_life.TABLE, order_life.OrderStatus.INTENDED),
        _table(order_life.TABLE),
        "## A position",
        "What is seen follows from the holding, its orders and its wishes alone, so a restart sees the same.",
        _diagram(position_life.TABLE, position_life.PositionState.CLOSED),
        _table(position_life.TABLE),
    )


def _diagram(table: Mapping[State, Mapping[Message, State]], start: State) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    for state, heard in table.items():
        ways: dict[State, list[str]] = {}
        for message, after in heard.items():
            if after is not state:
                ways.setdefault(after, []).append(message)
        lines += [f"    {state} --> {after}: {', '.join(messages)}" for after, messages in ways.items()]
        if not heard:
            lines.append(f"    {state} --> [*]")
    return "\n".join([*lines, "```"])


def _table(table: Mapping[State, Mapping[Message, State]]) -> str:
    messages = list(dict.fromkeys(message for heard in table.values() for message in heard))
    rows = [
        [markdown.code(state), *(str(heard.get(message, "")) for message in messages)] for state, heard in table.items()
    ]
    return markdown.table(["state", *map(str, messages)], rows)
