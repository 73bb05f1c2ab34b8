"""The simulated exchange on its own: ``exchange``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import ReplayOption, SeedOption, data_dir_option, resolve_data_dir
from cq_tui.contracts.exit_code import ExitCode


@app.command()
def exchange(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="NUMBER", help="Port on 127.0.0.1; 0 picks a free one.")
    ] = 0,
    seed: SeedOption = None,
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="SYMBOLS", help="Comma-separated symbols.")
    ] = None,
    replay: ReplayOption = None,
    speed: Annotated[
        float,
        typer.Option(
            "--speed", min=0.001, max=3600, metavar="FACTOR", help="How many seconds of a real market pass in one."
        ),
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print URLs, key and secret as JSON when ready.")] = False,
    public_keys: Annotated[
        list[Path] | None,
        typer.Option(
            "--ed25519-key", metavar="PEM", help="Also accept requests signed with this key (public, Ed25519 or RSA)."
        ),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Accept faults, shutdowns and clock changes at /admin.")
    ] = False,
    limits: Annotated[
        bool, typer.Option("--limits/--no-limits", help="Enforce the limits on request weight and orders.")
    ] = True,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Keep the account in this data directory (default: CQ_DATA_DIR or none)."
        ),
    ] = None,
) -> None:
    """Run the simulated exchange alone, for any Binance client."""
    from cq_tui.ops.exchange import ExchangeError, run_exchange

    # Orders are stored only in a directory that was named: otherwise the exchange leaves nothing behind.
    named = data_dir_option(context, data_dir) or os.environ.get("CQ_DATA_DIR")
    data = resolve_data_dir(context, data_dir) if named else None
    with report_errors():
        try:
            run_exchange(
                port=port,
                seed=seed,
                symbols=symbols,
                replay=replay,
                speed=speed,
                data=data,
                as_json=as_json,
                public_keys=tuple(public_keys or ()),
                admin=admin,
                limits=limits,
            )
        except ExchangeError as error:
            fail(error, ExitCode.FAILED)
