"""The strategies: ``strategies`` lists them, ``strategies NAME`` shows one, ``strategies check NAME`` tries it out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_strategy
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, resolve_data_dir
from cq_tui.cli.without_keys import leave_keys_behind
from cq_tui.contracts.exit_code import ExitCode, describe_results

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


@strategies.command("check", epilog=describe_results("strategies check"))
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_strategy)],
    klines: Annotated[
        Path, typer.Option("--klines", metavar="FILE", help="Klines as of Binance's public dumps: .csv or .csv.gz.")
    ],
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="SYMBOL", help="Which one, where FILE is a folder with several.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAMETER=VALUE", help="Change a parameter; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a strategy over recorded klines in ways that must agree, and say what fails and where.

    It finds look-ahead, dependence on the clock or on other symbols, a warm-up that is too short, faults at gaps, and
    slowness. It does not say whether the strategy earns money. Nothing is traded or written.
    """
    leave_keys_behind()
    import orjson

    from cq_tui.ops.characters import printable
    from cq_tui.ops.strategy_check import CannotCheck, exit_code, prepare, result_line, to_json
    from cq_tui.strategies.registry import StrategyParametersInvalid, StrategyUnknown

    try:
        prepared = prepare(name, klines, symbol=symbol, settings=_settings(parameters or ()))
    except (CannotCheck, StrategyUnknown, StrategyParametersInvalid) as error:
        fail(printable(str(error)), ExitCode.ERROR)
    results = []
    if not as_json:
        typer.echo(f"{name} on {len(prepared.klines):,} klines of {prepared.symbol}, {prepared.interval}")
    for result in prepared.results():
        results.append(result)
        if not as_json:
            typer.echo(printable(result_line(result)))
    if as_json:
        typer.echo(orjson.dumps(to_json(prepared, results), option=orjson.OPT_INDENT_2))
    raise typer.Exit(exit_code(results))


def _settings(parameters: Sequence[str]) -> dict[str, Any]:
    """Return parameters by name; numbers, true and false as such."""
    import orjson

    found: dict[str, Any] = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not (name and equals):
            fail(f"--set {text}: expected PARAMETER=VALUE, such as period=20", ExitCode.ERROR)
        try:
            found[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[name] = value
    return found
