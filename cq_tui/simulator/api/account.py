"""Account endpoints: balances, commission rates, order counts and account filters."""

from typing import Any

from cq_tui.binance.account_filters import AccountRules
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.matching import COMMISSION_RATE
from cq_tui.simulator.engine.orders import ZERO, AssetBalance
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import format_amount

_NONE, _RATE = format_amount(ZERO), format_amount(COMMISSION_RATE)
_STANDARD = {"maker": _RATE, "taker": _RATE, "buyer": _NONE, "seller": _NONE}
#: Commission in basis points, as in the oldest fields of the account.
_RATE_BP = int(COMMISSION_RATE * 10_000)
_EMPTY = AssetBalance()


def account(exchange: Exchange, parameters: Parameters) -> Any:
    """Return balances and commission rates."""
    omit_zero = parameters.flag("omitZeroBalances", False)
    balances = exchange.state.balances
    known = {asset for entry in exchange.market.symbols for asset in (entry.base_asset, entry.quote_asset)}
    held = [(asset, balances.get(asset, _EMPTY)) for asset in sorted(known | set(balances))]
    return {
        "makerCommission": _RATE_BP,
        "takerCommission": _RATE_BP,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": dict(_STANDARD),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.state.update_time,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": format_amount(balance.free), "locked": format_amount(balance.locked)}
            for asset, balance in held
            if not omit_zero or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": exchange.identity.uid,
    }


def commission(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's commission rates."""
    symbol = parameters.symbol(exchange.market.rules)
    return {"symbol": symbol} | rates("Commission", tuple(_STANDARD))


def rates(suffix: str, sides: tuple[str, ...]) -> dict[str, Any]:
    """Return standard, special and tax commission for these sides, and the discount; only standard is charged."""
    nothing = dict.fromkeys(sides, _NONE)
    return {
        f"standard{suffix}": {side: _STANDARD[side] for side in sides},
        f"special{suffix}": nothing,
        f"tax{suffix}": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": _NONE,
        },
    }


def order_counts(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the account's order count in each window."""
    return exchange.limits.order_counts(exchange.clock())


def my_filters(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the filters on what the account holds: exchange-wide, of one symbol and of assets."""
    symbol = parameters.symbol(exchange.market.rules)
    rules = exchange.engine.account_rules or AccountRules()
    filters = exchange.symbol_info(symbol)["filters"]
    return {
        "exchangeFilters": rules.exchange_filters(),
        "symbolFilters": [found for found in filters if found["filterType"].startswith("MAX_")],
        "assetFilters": rules.asset_filters(),
    }
