"""How an entry gets its protection: by one list, or by a market order and a list after it."""

from enum import StrEnum

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.protection import can_protect_by_list


class EntryKind(StrEnum):
    """How an entry gets its protection."""

    #: One list: the entry, and stop and target for a fixed quantity once it is filled.
    OTOCO = "otoco"
    #: The same for whatever the entry received.
    OPOCO = "opoco"
    #: A market order, then stop and target.
    MARKET = "market"


def entry_kind(rules: SymbolRules, *, knows_commission: bool = True) -> EntryKind:
    """Return how an entry gets its protection, by what the symbol allows.

    What an OTOCO sells has to be told before, less the commission; until that is known, an OPOCO sells what was
    received. The exchange takes OPOCO orders only where it takes OTO orders too (its FAQ on OPO).
    """
    if "LIMIT" in rules.order_types and can_protect_by_list(rules) and rules.oto_allowed:
        return EntryKind.OPOCO if rules.opo_allowed and not knows_commission else EntryKind.OTOCO
    return EntryKind.MARKET
