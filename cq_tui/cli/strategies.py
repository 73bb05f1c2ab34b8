"""The strategies: ``strategies`` lists them, ``strategies NAME`` shows one with its parameters."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_strategy
from cq_tui.cli.errors import report_errors
from cq_tui.cli.options import DataOption, JsonOption, resolve_data_dir

_SHOW = "show"


class _ShowByDefault(TyperGroup):
    """A group in which anything but a command or ``--help`` is what ``show`` takes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


strategies = typer.Typer(
    cls=_ShowByDefault,
    help="List the strategies with their settings, failures and last signals; NAME shows one with its parameters.",
    no_args_is_help=False,
    rich_markup_mode=None,
)
app.add_typer(strategies, name="strategies", short_help="List the strategies, their parameters and how they do.")


@strategies.command(_SHOW)
def show(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only this one, with all parameters.", autocompletion=complete_strategy),
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """List the strategies: on or off, symbols, changed parameters, failures and last signals.

    With a name, show every parameter of one with its value, type, limits and meaning.
    """
    import time

    import orjson

    from cq_tui.ops.strategies import list_strategies, strategy_lines

    with report_errors():
        listed = list_strategies(resolve_data_dir(context, data_dir), name)
    if as_json:
        typer.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(strategy_lines(listed, time.time(), in_full=name is not None)))
