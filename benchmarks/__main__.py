"""``make bench``: the table. ``make bench ARGS="--only memory --events 200000"`` measures a part of it."""

import argparse
import os
import tempfile
from dataclasses import replace

from benchmarks import at_rest, file_to_paint, first_paint, table_cost
from benchmarks.memory import rows as memory
from benchmarks.report import Row, table


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and a shorter history; noisier ratios")
    parser.add_argument("--only", choices=("room", "memory"), help="measure only the room, or only the history")
    parser.add_argument("--events", type=int, metavar="N", help="length of the long history (1000000)")
    options = parser.parse_args()
    effort = memory.QUICK if options.quick else memory.FULL
    if options.events:
        effort = replace(effort, events=options.events)
    with tempfile.TemporaryDirectory() as folder:
        # Services that are measured leave nothing in the user's configuration folder.
        os.environ["CQ_CONFIG_DIR"] = folder
        if options.only != "memory":
            print(table(_room(quick=options.quick)), flush=True)
        if options.only != "room":
            rows, machine = memory.measure(effort)
            print(table(rows), machine, sep="\n")


def _room(*, quick: bool) -> list[Row]:
    return [
        first_paint.measure(rounds=3 if quick else 9),
        file_to_paint.measure(changes=10 if quick else 40),
        table_cost.measure(seconds=5 if quick else 15),
        *at_rest.measure(seconds=5 if quick else 20),
    ]


if __name__ == "__main__":
    main()
