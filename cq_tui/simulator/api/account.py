"""Account endpoints: balances, commission rates, order counts and account filters."""

from typing import Any

from cq_tui.binance.account_filters import AccountRules
from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.checks import PERMISSIONS
from cq_tui.simulator.engine.commission_rates import rates_of_order
from cq_tui.simulator.engine.orders import AssetBalance
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import format_amount

_EMPTY = AssetBalance()
_ROLES = ("maker", "taker")
_ALL_RATES = (*_ROLES, "buyer", "seller")


def account(exchange: Exchange, parameters: Parameters) -> Any:
    """Return balances and commission rates."""
    omit_zero = parameters.flag("omitZeroBalances", False)
    balances = exchange.state.balances
    known = {asset for entry in exchange.market.symbols for asset in (entry.base_asset, entry.quote_asset)}
    held = [(asset, balances.get(asset, _EMPTY)) for asset in sorted(known | set(balances))]
    standard = exchange.state.commission_rates("").standard
    return {
        # The oldest fields are in basis points.
        **{f"{name}Commission": int(getattr(standard, name) * 10_000) for name in _ALL_RATES},
        "commissionRates": _rates(standard, _ALL_RATES),
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
        "permissions": list(PERMISSIONS),
        "uid": exchange.identity.uid,
    }


def commission(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's commission rates."""
    symbol = parameters.symbol(exchange.market.rules)
    return {"symbol": symbol} | _all_rates(exchange.state.commission_rates(symbol), "Commission", _ALL_RATES)


def order_commission(exchange: Exchange, symbol: str, side: str) -> Any:
    """Return the commission rates of an order: maker's and taker's, each with that of the side."""
    rates = rates_of_order(exchange.state.commission_rates(symbol), side)
    return _all_rates(rates, "CommissionForOrder", _ROLES)


def _all_rates(rates: CommissionRates, suffix: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        f"standard{suffix}": _rates(rates.standard, names),
        f"special{suffix}": _rates(rates.special, names),
        f"tax{suffix}": _rates(rates.tax, names),
        "discount": {
            "enabledForAccount": rates.discount_enabled,
            "enabledForSymbol": rates.discount_enabled,
            "discountAsset": rates.discount_asset,
            "discount": format_amount(rates.discount),
        },
    }


def _rates(rates: SideRates, names: tuple[str, ...]) -> dict[str, str]:
    return {name: format_amount(getattr(rates, name)) for name in names}


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
