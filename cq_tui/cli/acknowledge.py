"""Accepting faults of the history: ``acknowledge``."""

from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_fault
from cq_tui.cli.options import DataOption, require_data_dir, tell_version
from cq_tui.cli.service_command import send_command
from cq_tui.contracts.exit_code import ExitCode, describe_results


@app.command(short_help="List the faults of the history, or accept them.", epilog=describe_results("acknowledge"))
def acknowledge(
    context: typer.Context,
    fault: Annotated[
        str | None,
        typer.Argument(metavar="FAULT", help="Short name of a fault, or all.", autocompletion=complete_fault),
    ] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="Why you accept it.")] = None,
    data_dir: DataOption = None,
) -> None:
    """List the faults that memory found, or accept one so that trading can resume. Nothing is erased.

    Each acceptance is signed, with your user name and the time, and recorded in the history and in
    memory/checkpoints.log.
    """
    import getpass

    from cq_tui.ops.characters import printable
    from cq_tui.ops.verify import open_faults

    data = require_data_dir(context, data_dir)
    if fault is not None:
        arguments = {"who": getpass.getuser()} | ({"comment": comment} if comment else {})
        send_command(data, "acknowledge_faults", "memory", fault, arguments)
        return
    tell_version(data)
    faults = open_faults(data)
    if not faults:
        typer.echo("no faults to accept")
        return
    for name, text in faults.items():
        typer.echo(f"{name}  {printable(text)}")
    typer.echo("\nAccept one with `cq-tui acknowledge NAME`, or all with `cq-tui acknowledge all`.")
    raise typer.Exit(ExitCode.FAILED)
