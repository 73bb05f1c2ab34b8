"""Verifying the history: ``verify``."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, JsonOption, read_data_dir
from cq_tui.cli.progress import progress_bar
from cq_tui.contracts.exit_code import ExitCode, describe_results


@app.command(short_help="Verify the whole history.", epilog=describe_results("verify"))
def verify(
    context: typer.Context,
    as_json: JsonOption = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=64, metavar="NUMBER", help="Number of processes to use."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="CHECKPOINT", help="Compare with a saved checkpoint, debug bundle or proof."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Trust the checkpoints of this verifier key (text of a .vkey file)."),
    ] = None,
    data_dir: DataOption = None,
) -> None:
    """Verify the whole history from its first byte. Needs no running service and writes nothing."""
    import orjson

    from cq_tui.ops.characters import printable
    from cq_tui.ops.checkpoint_file import CheckpointFileError
    from cq_tui.ops.gathered_evidence import UnusableKey
    from cq_tui.ops.verify import NoHistory, history_bytes, verify_history

    data = read_data_dir(context, data_dir)
    try:
        with report_errors(), progress_bar(history_bytes(data), "verifying") as progress:
            report = verify_history(data, workers=workers, against=against, key=key, progress=progress)
    except (NoHistory, CheckpointFileError, UnusableKey) as error:
        fail(printable(str(error)), ExitCode.UNUSABLE)
    if as_json:
        typer.echo(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
    else:
        typer.echo("\n".join(printable(line) for line in report.lines()))
    raise typer.Exit(report.exit_code)
