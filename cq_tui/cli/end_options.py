"""``--until`` and ``--for``: when something ends."""

import time
from typing import Annotated

import typer

UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Until then, such as 18:00 or 2026-12-01.")
]
ForOption = Annotated[str | None, typer.Option("--for", metavar="DURATION", help="For so long, such as 30m or 2h.")]


def end_of(until: str | None, lasting: str | None) -> float | None:
    """Return when it ends (Unix seconds); None if neither says so. Raises typer.BadParameter."""
    from cq_tui.ops.time_arguments import TimeArgumentError, parse_duration, parse_end

    if until is not None and lasting is not None:
        raise typer.BadParameter("give one of them", param_hint="--until, --for")
    now = time.time()
    try:
        if lasting is not None:
            return now + parse_duration(lasting)
        return None if until is None else parse_end(until, now)
    except TimeArgumentError as error:
        raise typer.BadParameter(str(error), param_hint="--for" if lasting is not None else "--until") from None
