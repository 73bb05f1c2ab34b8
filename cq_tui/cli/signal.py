"""Trades of one's own: ``signal``, and ``signals serve`` for programs that send them over HTTP."""

from enum import StrEnum
from typing import Annotated

import typer

from cq_tui.cli.application import app
from cq_tui.cli.completion import complete_symbol
from cq_tui.cli.end_options import ForOption, UntilOption, end_of
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, require_data_dir
from cq_tui.cli.service_command import require_services
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.standard_streams import print_error

signals = typer.Typer(help="Take signals of other programs.", no_args_is_help=True)
app.add_typer(signals, name="signals")


class _Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


@app.command(short_help="Propose a trade of your own.", epilog=describe_results("signal"))
def signal(
    context: typer.Context,
    side: Annotated[_Side, typer.Argument(case_sensitive=False, help="BUY opens a position, SELL closes it.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", autocompletion=complete_symbol)],
    stop: Annotated[
        str | None, typer.Option("--stop", metavar="PRICE", help="Price of the stop; a BUY needs it.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="PRICE", help="Price of the target; a BUY needs it.")
    ] = None,
    strategy: Annotated[
        str, typer.Option("--strategy", metavar="NAME", help="Whose it is; a SELL closes what the same name holds.")
    ] = "manual",
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="BASE_QUANTITY", help="The most to buy; never more than the trader's own size."),
    ] = None,
    scale_in: Annotated[
        bool, typer.Option("--scale-in", help="Let a BUY add to what the same name holds; it opens nothing.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="SHARE", help="Share of the position that a SELL sells (default: 1)."),
    ] = None,
    price: Annotated[
        str | None, typer.Option("--price", metavar="PRICE", help="Price you decided at (default: the market's).")
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="PRICE", help="The most to pay; the entry waits for that price.")
    ] = None,
    until: UntilOption = None,
    lasting: ForOption = None,
    confidence: Annotated[
        str | None, typer.Option("--confidence", metavar="SHARE", help="How sure you are, 0 to 1 (default: 1).")
    ] = None,
    signal_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id; it counts once (default: a new one, printed).")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why; it is recorded.")] = None,
    data_dir: DataOption = None,
) -> None:
    """Propose a trade, and say what becomes of it.

    It passes the same guardrails as every signal, is sized by the same rules, and protected by its stop and target.
    With a limit, it waits for that price: until a time, or for a minute or a bar of the base interval.
    """
    import asyncio

    from cq_tui.contracts.outside_signals import SignalFault, read_signal
    from cq_tui.ops.characters import printable
    from cq_tui.ops.signals import SignalEnd, make_id, send_signal

    data = require_data_dir(context, data_dir)
    given = {
        "id": signal_id or make_id(), "side": side.value, "symbol": symbol, "strategy": strategy, "stop": stop,
        "target": target, "size": size, "scale_in": scale_in or None, "part": part, "price": price,
        "limit_price": limit, "limit_until": end_of(until, lasting), "confidence": confidence, "reason": why,
    }  # fmt: skip
    fields = {name: value for name, value in given.items() if value is not None}
    try:
        read_signal(fields)
    except SignalFault as fault:
        fail(printable(str(fault)), ExitCode.ERROR)
    require_services(data)
    if signal_id is None:
        typer.echo(f"id {fields['id']}")
    with report_errors():
        answer = asyncio.run(send_signal(data, fields, lambda line: print_error(printable(line))))
    if answer.end is SignalEnd.FOLLOWED:
        typer.echo(printable(answer.message))
    else:
        is_recorded = answer.end is SignalEnd.NOT_FOLLOWED
        fail(printable(answer.message), ExitCode.FAILED if is_recorded else ExitCode.UNUSABLE)


@signals.command(short_help="Take signals by POST, on this computer.")
def serve(
    context: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="NUMBER", help="Port on 127.0.0.1; 0 picks a free one.")
    ] = 8787,
    data_dir: DataOption = None,
) -> None:
    """Take signals by POST /signal on 127.0.0.1 until Ctrl-C, for programs that cannot write files.

    Each request needs the token in run/signals.json, which is made at the first start. Nothing else listens: without
    this command, signals come as files or by `cq-tui signal`.
    """
    from cq_tui.ops.characters import printable
    from cq_tui.services.signal_door.server import DoorError
    from cq_tui.services.signal_door.server import serve as serve_door

    data = require_data_dir(context, data_dir)
    require_services(data)
    with report_errors():
        try:
            serve_door(data, port, lambda line: typer.echo(printable(line)))
        except DoorError as error:
            fail(printable(str(error)), ExitCode.FAILED)
