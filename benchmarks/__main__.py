"""``make bench``: the table. ``--quick`` takes fewer rounds; the ratios then are noisier."""

import argparse
import os
import tempfile

from benchmarks import at_rest, file_to_paint, first_paint, table_cost
from benchmarks.report import table


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        # Services that are measured leave nothing in the user's configuration folder.
        os.environ["CQ_CONFIG_DIR"] = folder
        rows = [
            first_paint.measure(rounds=3 if quick else 9),
            file_to_paint.measure(changes=10 if quick else 40),
            table_cost.measure(seconds=5 if quick else 15),
            *at_rest.measure(seconds=5 if quick else 20),
        ]
    print(table(rows))


if __name__ == "__main__":
    main()
