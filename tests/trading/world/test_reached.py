"""No rare state unreached: the lives of the world reach all that tables and enums declare."""

from cq_tui.trading import order_life, position_life
from tests.trading.world.declared import UNREACHABLE, declared
from tests.trading.world.reached import Reached, watching_tables
from tests.trading.world.scenarios import PLANS
from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import Caught, run

#: Seeds that reach, with the lives written by hand, all that is declared.
_SEEDS = (0, 6, 7, 12, 24, 31, 33, 36, 92, 164, 185, 240, 258, 420)


def test_no_rare_state_is_unreached() -> None:
    reached = Reached()
    with watching_tables(reached):
        for plan in (*PLANS.values(), *map(make_plan, _SEEDS)):
            with Caught():  # what goes wrong in them is told by their own tests
                run(plan, reached)
    missing = {kind: sorted(" × ".join(one) for one in items - reached.of(kind)) for kind, items in declared().items()}
    assert {kind: items for kind, items in missing.items() if items} == {}
    claimed = {(kind, one) for kind, items in UNREACHABLE.items() for one in items if one in reached.of(kind)}
    assert claimed == set(), "it is reached: declare it"


def test_the_tables_are_as_before() -> None:
    """Watching leaves no trace."""
    rows = [*map(type, order_life.TABLE.values()), *map(type, position_life.TABLE.values())]
    with watching_tables(Reached()):
        pass
    assert rows == [*map(type, order_life.TABLE.values()), *map(type, position_life.TABLE.values())]
    assert set(rows) == {dict}
