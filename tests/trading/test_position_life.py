"""The life of a position: what is seen decides, whatever the way there."""

from itertools import product

import pytest

from cq_tui.trading.position_life import PositionState, Sight, see

_P, _S = PositionState, Sight


@pytest.mark.parametrize("state", PositionState)
def test_the_sight_alone_decides_but_for_what_is_bare(state: PositionState) -> None:
    assert see(state, _S.ENTERING) is _P.OPENING
    assert see(state, _S.NOTHING) is _P.CLOSED
    assert see(state, _S.COVERED) is _P.PROTECTED
    assert see(state, _S.LEAVING) is _P.CLOSING
    assert see(state, _S.STUCK) is _P.UNSELLABLE
    assert see(state, _S.BARE) is (_P.OPENING if state in (_P.OPENING, _P.CLOSED) else _P.EXPOSED)


@pytest.mark.parametrize(("state", "sight"), [*product(PositionState, Sight)])
def test_seeing_the_same_again_changes_nothing(state: PositionState, sight: Sight) -> None:
    once = see(state, sight)
    assert see(once, sight) is once
