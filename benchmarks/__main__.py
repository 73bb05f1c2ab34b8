"""``make bench``: the table. ``make bench ARGS="--only memory --events 200000"`` measures a part of it."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from benchmarks import at_rest, file_to_paint, first_paint, long_run, table_cost
from benchmarks.exchange import rows as exchange
from benchmarks.feeder import many_symbols, minute_turn
from benchmarks.lookback import run_speed
from benchmarks.memory import rows as memory
from benchmarks.report import Row, table
from benchmarks.strategies import engine_speed
from benchmarks.trader import core_speed, wire


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and a shorter history; noisier ratios")
    parser.add_argument(
        "--only",
        choices=("room", "exchange", "feeder", "memory", "trader", "strategies", "lookback"),
        help="measure only a part",
    )
    parser.add_argument("--events", type=int, metavar="N", help="length of the long history (1000000)")
    options = parser.parse_args()
    effort = memory.QUICK if options.quick else memory.FULL
    if options.events:
        effort = replace(effort, events=options.events)
    with tempfile.TemporaryDirectory() as folder:
        # Services that are measured leave nothing in the user's configuration folder.
        os.environ["CQ_CONFIG_DIR"] = folder
        if options.only in (None, "room"):
            _show(_room(quick=options.quick))
        if options.only in (None, "exchange"):
            _show(exchange.measure(quick=options.quick))
        if options.only in (None, "feeder"):
            _show(chain(many_symbols.measure(quick=options.quick), minute_turn.measure(quick=options.quick)))
        if options.only in (None, "trader"):
            _show(chain(core_speed.measure(quick=options.quick), wire.measure(quick=options.quick)))
        if options.only in (None, "strategies"):
            _show(engine_speed.measure(quick=options.quick))
        if options.only in (None, "lookback"):
            _show(run_speed.measure(quick=options.quick))
        if options.only in (None, "memory"):
            _show(memory.measure(effort))


def _room(*, quick: bool) -> Iterator[Row]:
    yield first_paint.measure(rounds=3 if quick else 9)
    yield file_to_paint.measure(changes=10 if quick else 40)
    yield from table_cost.measure(seconds=5 if quick else 15)
    yield long_run.measure(*((100_000, 200_000) if quick else (200_000, 1_000_000)))
    yield from at_rest.measure(seconds=5 if quick else 20)


def _show(rows: Iterator[Row]) -> None:
    """Name each row when it is measured, then print the table, also of a run that is broken off."""
    measured: list[Row] = []
    try:
        for row in rows:
            print(f"{row.what}: {row.ours}", file=sys.stderr)
            measured.append(row)
    finally:
        print(table(measured), flush=True)


if __name__ == "__main__":
    main()
