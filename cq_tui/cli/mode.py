"""The mode: ``mode`` shows it and what each one takes, ``mode NAME`` changes to one."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_mode
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, resolve_data_dir
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

if TYPE_CHECKING:
    from cq_tui.contracts.layout import DataDir
    from cq_tui.contracts.mode import Mode


@app.command(short_help="Show the mode, or change it.", epilog=describe_results("mode"))
def mode(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="simulation, paper, testnet or live (default: show).", autocompletion=complete_mode
        ),
    ] = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="WORD", help="For live: the word that it asks for.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataOption = None,
) -> None:
    """Show the mode that the services are in, and what each mode takes and lacks.

    With a name, set all that this mode takes, at once. A mode is left only when nothing is open there. Live asks for
    a typed word.
    """
    data = resolve_data_dir(context, data_dir)
    if name is None:
        _show(data, as_json=as_json)
    else:
        _change(data, _checked(name), confirm)


def _checked(name: str) -> "Mode":
    from cq_tui.contracts.mode import MODES

    found = next((mode for mode in MODES if mode == name), None)
    if found is None:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(MODES)}", param_hint="NAME")
    return found


def _show(data: "DataDir", *, as_json: bool) -> None:
    import orjson

    from cq_tui.ops.characters import printable
    from cq_tui.ops.mode import read_mode

    with report_errors():
        report = read_mode(data)
    if as_json:
        typer.echo(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
        return
    typer.echo("\n".join(map(printable, report.lines())))
    if report.problem:
        print_error(printable(report.problem))


def _change(data: "DataDir", wanted: "Mode", confirm: str | None) -> None:
    from cq_tui.ops.characters import printable
    from cq_tui.ops.mode import ModeLacks, change_mode, read_mode
    from cq_tui.ops.render import format_setting
    from cq_tui.ops.settings import ModeChangeRefused

    with report_errors():
        offer = read_mode(data).offer(wanted)
        if offer.is_in_force:
            typer.echo(f"the mode is {wanted} already")
            return
        if wanted == "live" and not offer.lacks:
            _confirm_live(confirm)
        try:
            done = change_mode(data, wanted, "cli", print_error)
        except (ModeLacks, ModeChangeRefused) as error:
            fail("\n".join(map(printable, str(error).splitlines())), ExitCode.FAILED)
        report = read_mode(data)
    for change in done:
        typer.echo(f"{change.key}: {format_setting(change.old_value)} -> {format_setting(change.new_value)}")
    typer.echo(f"the settings ask for {wanted}; running services follow at once")
    if report.problem:
        print_error(printable(report.problem))


def _confirm_live(confirm: str | None) -> None:
    """End the command unless the person means it: no key is enough, and no script does it by accident."""
    from cq_tui.ops.mode import LIVE_WORD

    if confirm is None:
        if not sys.stdin.isatty():
            fail(f'live needs a terminal to ask on, or --confirm "{LIVE_WORD}"', ExitCode.FAILED)
        confirm = typer.prompt(
            f'Orders will spend real money. Type "{LIVE_WORD}" to go on', default="", show_default=False
        )
    if confirm.strip() != LIVE_WORD:
        fail(f'this was not the word "{LIVE_WORD}". Nothing was changed', ExitCode.FAILED)
