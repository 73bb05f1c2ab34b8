"""The whole state as JSON parts, and back: the start of a compacted ledger."""

from typing import Any

from cq_tui.binance.commission import CommissionRates
from cq_tui.simulator.engine.ledger_codec import JsonObject, decode_record, encode_record
from cq_tui.simulator.engine.orders import Amendment, AssetBalance, EngineOrder, EngineOrderList, PreventedMatch, Trade
from cq_tui.simulator.engine.state import ExchangeState

#: Entries in one part, which bounds the length of a ledger line.
PART_SIZE = 200


def snapshot_parts(state: ExchangeState) -> list[JsonObject]:
    """Return the state as parts for ``restore_part``, after pruning what is too old to be queried."""
    state.prune()
    head: JsonObject = {
        "balances": {asset: encode_record(balance) for asset, balance in state.balances.items()},
        "fill_counts": dict(state.fill_counts),
        "match_counts": dict(state.match_counts),
        "last_order_ids": dict(state.last_order_ids),
        "last_list_id": state.last_list_id,
        "execution_id": state.execution_id,
        "update_time": state.update_time,
    }
    if state.commissions:
        head["commissions"] = [encode_record(rates) for rates in state.commissions.values()]
    return [
        head,
        *_parts("orders", state.orders.values()),
        *_parts("lists", state.lists.values()),
        *_parts("trades", state.trades),
        *_parts("prevented", state.prevented),
        *_parts("amendments", state.amendments),
    ]


def _parts(name: str, records: Any) -> list[JsonObject]:
    entries = [encode_record(record) for record in records]
    return [{name: entries[i : i + PART_SIZE]} for i in range(0, len(entries), PART_SIZE)]


def restore_part(state: ExchangeState, raw: dict[str, Any]) -> None:
    """Load one snapshot part into the state. Raises LedgerFormatError, KeyError or TypeError if it is invalid."""
    if "balances" in raw:
        state.balances |= {asset: decode_record(AssetBalance, entry) for asset, entry in raw["balances"].items()}
        state.fill_counts |= raw["fill_counts"]
        state.match_counts |= raw.get("match_counts", {})
        state.last_order_ids |= raw["last_order_ids"]
        state.last_list_id = raw["last_list_id"]
        state.execution_id = raw["execution_id"]
        state.update_time = raw["update_time"]
        set_rates = (decode_record(CommissionRates, entry) for entry in raw.get("commissions", ()))
        state.commissions |= {rates.symbol: rates for rates in set_rates}
    _restore_orders(state, [decode_record(EngineOrder, entry) for entry in raw.get("orders", ())])
    for entry in raw.get("lists", ()):
        order_list = decode_record(EngineOrderList, entry)
        state.lists[order_list.list_id] = order_list
        if not order_list.done:
            state.open_lists[order_list.list_id] = order_list
    state.trades.extend(decode_record(Trade, entry) for entry in raw.get("trades", ()))
    state.prevented.extend(decode_record(PreventedMatch, entry) for entry in raw.get("prevented", ()))
    state.amendments.extend(decode_record(Amendment, entry) for entry in raw.get("amendments", ()))


def _restore_orders(state: ExchangeState, orders: list[EngineOrder]) -> None:
    """Index the orders, and put those that rest into the book by priority."""
    for order in orders:
        state.index_order(order)
    resting = [order for order in orders if order.is_open and order.is_working and order.can_rest]
    for order in sorted(resting, key=lambda order: order.priority):
        state.resting[order.symbol].add(order)
