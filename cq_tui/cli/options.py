"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.errors import fail
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.standard_streams import print_error

DataOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Data directory (default: CQ_DATA_DIR or ./shared_data)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: For processes of ours that run a command: it ends with them.
ParentOption = Annotated[bool, typer.Option("--with-parent", hidden=True)]
ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", metavar="DIR", help="Replay recorded klines or trades instead of generated prices."),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="NUMBER", help="Seed of the simulated market.")
]
SpeedOption = Annotated[
    float | None,
    typer.Option(
        "--speed",
        min=0.001,
        max=3600,
        metavar="FACTOR",
        help="How many seconds of a real market pass in one: 1 is real time. Klines are replayed at 1 or 60.",
    ),
]


def data_dir_option(context: typer.Context, data_dir: Path | None) -> Path | None:
    """Return the directory that ``--data-dir`` names, before or after the command."""
    return data_dir or context.find_root().obj


def resolve_data_dir(context: typer.Context, data_dir: Path | None) -> DataDir:
    """Return the data directory; it need not exist."""
    return DataDir.resolve(data_dir_option(context, data_dir))


def require_data_dir(context: typer.Context, data_dir: Path | None) -> DataDir:
    """Return the data directory, or end the command when it does not exist."""
    data = resolve_data_dir(context, data_dir)
    if not data.root.is_dir():
        what = "is not a directory" if data.root.exists() else "does not exist"
        fail(f"data directory {data.root} {what}. Choose another with --data-dir", ExitCode.UNUSABLE)
    return data


def read_data_dir(context: typer.Context, data_dir: Path | None) -> DataDir:
    """Return the data directory of a command that only reads it, whatever the version of its files: that is said."""
    data = require_data_dir(context, data_dir)
    tell_version(data)
    return data


def tell_version(data: DataDir) -> None:
    """Say on standard error that the files are of another version, where a command only reads them."""
    from cq_tui.ops.characters import printable
    from cq_tui.store.data_version import find_version

    if other := find_version(data).refusal(data):
        print_error(printable(other))
