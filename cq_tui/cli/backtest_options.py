"""Options that looking back has in common."""

from pathlib import Path
from typing import Annotated

import typer

KlinesOption = Annotated[
    Path, typer.Option("--klines", metavar="DIR", help="Recorded klines: a file, a folder, or a data directory.")
]
SymbolsOption = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B", help="Only these; they share one wallet (default: all).")
]
IntervalOption = Annotated[
    str | None, typer.Option("--interval", metavar="1m", help="Which one, where klines of several are there.")
]
ParametersOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.PARAMETER=VALUE", help="Change a parameter; may be repeated."),
]
CashOption = Annotated[str, typer.Option("--cash", metavar="AMOUNT", help="What the wallet holds at the start.")]
FeeOption = Annotated[str, typer.Option("--fee", metavar="SHARE", help="Commission of each side.")]
SlippageOption = Annotated[
    str | None,
    typer.Option(
        "--slippage",
        metavar="SHARE",
        help="What market orders pay beyond the price (default: 0.0001 in BTCUSDT and ETHUSDT, else 0.0005).",
    ),
]


def symbol_names(text: str | None) -> list[str]:
    """Return the symbols of ``--symbols``; none for all."""
    return [one.strip().upper() for one in (text or "").split(",") if one.strip()]
