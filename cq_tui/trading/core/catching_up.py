"""After a start: what an earlier process sold although it could not store it. On a full disk exits go out unstored.

Until that is known nothing more of a symbol is sold or covered by orders: where the account holds coins of others, the
same would be sold twice. The trades since the last known one tell it, or a balance that holds only what is ours.
"""

from math import inf

from cq_tui.trading.core.fence import holds_only_ours
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.situation import Situation


def is_caught_up(s: Situation, lane: Lane) -> bool:
    """Whether what earlier processes did in a symbol is known. Once it is, it stays so."""
    if lane.must_catch_up:
        has_read_trades = lane.scanned_at > -inf and not lane.strange
        has_read_balance = s.account_at > -inf and holds_only_ours(s, lane)
        lane.must_catch_up = not (has_read_trades or has_read_balance)
    return not lane.must_catch_up
