"""Which drills there are, in the order of the list."""

from cq_tui.ops.drills.drill import Drill
from cq_tui.ops.drills.scenarios import (
    ban,
    broken_settings,
    clock_skew,
    delisting,
    feeder_outage,
    full_disk,
    insufficient_balance,
    kill_everything,
    lost_stream,
    memory_corruption,
    rules_change,
    second_instance,
    unknown_outcome,
)

DRILLS: tuple[Drill, ...] = (
    feeder_outage.DRILL,
    insufficient_balance.DRILL,
    memory_corruption.DRILL,
    ban.DRILL,
    unknown_outcome.DRILL,
    lost_stream.DRILL,
    delisting.DRILL,
    rules_change.DRILL,
    clock_skew.DRILL,
    full_disk.DRILL,
    broken_settings.DRILL,
    second_instance.DRILL,
    kill_everything.DRILL,
)
