"""The meaning of fields that several documents have, for those without a docstring of their own."""

from typing import Final

SHARED_FIELDS: Final[dict[str, str]] = {
    "account": "Account: venue and the exchange's user id, such as ``testnet:1234567``.",
    "asset": "Name of the asset, such as USDT.",
    "base_asset": "The symbol's base asset, such as BTC of BTCUSDT.",
    "client_order_id": "Id of the order that the trader chose.",
    "code": "The exchange's error code, such as -2010.",
    "command_id": "Id of the command; its file has the same name.",
    "comment": "What the person added.",
    "event_id": "Unique id of the event.",
    "event_type": "Type of the event; it decides which fields ``data`` has.",
    "fault": "The fault, in words.",
    "frame": "Interval of the trigger bar, such as ``1m``.",
    "how": "How it ended, in words.",
    "issued_by": "Which program gave it: room, cli, supervisor …",
    "kind": "What kind it is.",
    "leg": "Part of the order in a position: entry, stop, target, oco, exit …",
    "merkle_root": "Merkle root over all events, 64 hex digits.",
    "ms": "When it happened, by the exchange's clock.",
    "order_id": "Id of the order at the exchange, as text.",
    "owner": "The five characters by which orders of a data directory are known.",
    "person": "Who wanted it: login name, and the address it came from.",
    "pid": "Id of the process.",
    "quote_asset": "The symbol's quote asset, such as USDT of BTCUSDT.",
    "reason": "Why, in words.",
    "service": "Name of the process.",
    "side": "BUY or SELL.",
    "signal_key": "Natural key of the signal that it follows: ``strategy:symbol:frame:bar_close_time:side``, "
    "or ``strategy:id:signal_id``.",
    "started_ts": "When the process started; 0 if it has not.",
    "strategy": "Name of the strategy.",
    "symbol": "The symbol, as the exchange names it.",
    "text": "What happened, in words.",
    "version": "Version of cq-tui that wrote it.",
    "why": "The reason that the person gave.",
}
