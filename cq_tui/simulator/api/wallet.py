"""Endpoints outside the spot API that clients call at startup: coins, fees, and empty margin and futures lists."""

from typing import Any

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import format_amount


def system_status(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the system status: normal."""
    return {"status": 0, "msg": "normal"}


def coins(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the account's coins, without deposits or withdrawals."""
    known = {asset for entry in exchange.market.symbols for asset in (entry.base_asset, entry.quote_asset)}
    balances = exchange.state.balances
    return [
        {
            "coin": coin,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "name": coin,
            "free": format_amount(balances[coin].free) if coin in balances else "0",
            "locked": format_amount(balances[coin].locked) if coin in balances else "0",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for coin in sorted(known | set(balances))
    ]


def trade_fees(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the commission of one or all symbols."""
    column = exchange.market.column
    names = [parameters.symbol(column)] if "symbol" in parameters else list(column)
    return [{"symbol": name, "makerCommission": "0.001", "takerCommission": "0.001"} for name in names]


def empty_list(exchange: Exchange, parameters: Parameters) -> Any:
    """Return an empty list."""
    return []


def empty_futures_info(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the exchangeInfo of a futures exchange without contracts."""
    return {
        "timezone": "UTC",
        "serverTime": exchange.clock(),
        "futuresType": "U_MARGINED",
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def listen_key_removed(exchange: Exchange, parameters: Parameters) -> Any:
    """Reject listen keys, which the exchange removed on 2026-02-20."""
    raise RequestRejected(
        -1016,
        "This service is no longer available. Listen keys were removed on 2026-02-20; "
        "use userDataStream.subscribe.signature of the WebSocket API.",
        410,
    )
