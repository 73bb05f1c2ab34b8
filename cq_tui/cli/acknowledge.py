"""Accepting the faults of the history: ``acknowledge``."""

from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import ExitCode
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import send_command


@app.command(short_help="List or accept the faults of the history.")
def acknowledge(
    context: typer.Context,
    fault: Annotated[str | None, typer.Argument(metavar="[FAULT]", help="Short name of a fault, or all.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="Why it is accepted.")] = None,
    data_dir: DataOption = None,
) -> None:
    """List the faults that memory names; or accept one, so that trading goes on. Nothing is erased.

    What is accepted, by whom and when is signed, and recorded in the history and in memory/checkpoints.log.
    """
    import getpass

    from cq_tui.ops.verify import open_faults

    data = require_data_dir(context, data_dir)
    if fault is not None:
        arguments = {"who": getpass.getuser()} | ({"comment": comment} if comment else {})
        send_command(data, "acknowledge_faults", "memory", fault, arguments)
        return
    faults = open_faults(data)
    if not faults:
        typer.echo("there is no fault to accept")
        return
    for name, text in faults.items():
        typer.echo(f"{name}  {text}")
    typer.echo("\naccept one with `cq-tui acknowledge NAME`, or all of them with `cq-tui acknowledge all`")
    raise typer.Exit(ExitCode.FAILED)
