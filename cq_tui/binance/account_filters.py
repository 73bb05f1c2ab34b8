"""Account-wide filters: EXCHANGE_MAX_* of exchangeInfo, and MAX_ASSET, which only myFilters returns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cq_tui.binance.filters import ALGO_TYPES

_FIELDS = {
    "EXCHANGE_MAX_NUM_ORDERS": ("max_orders", "maxNumOrders"),
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": ("max_algo_orders", "maxNumAlgoOrders"),
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": ("max_iceberg_orders", "maxNumIcebergOrders"),
    "EXCHANGE_MAX_NUM_ORDER_LISTS": ("max_order_lists", "maxNumOrderLists"),
}


@dataclass(frozen=True, slots=True)
class AccountRules:
    """Limits of one account across all symbols. Zero disables a rule."""

    max_orders: int = 0
    max_algo_orders: int = 0
    max_iceberg_orders: int = 0
    max_order_lists: int = 0
    max_assets: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def from_filters(
        cls, exchange_filters: Iterable[Mapping[str, Any]], asset_filters: Iterable[Mapping[str, Any]] = ()
    ) -> "AccountRules":
        """Parse ``exchangeFilters`` and ``assetFilters``. Raises KeyError or ArithmeticError."""
        counts = {}
        for entry in exchange_filters:
            if known := _FIELDS.get(entry["filterType"]):
                counts[known[0]] = int(entry[known[1]])
        assets = {entry["asset"]: Decimal(entry["limit"]) for entry in asset_filters}
        return cls(**counts, max_assets=assets)

    def exchange_filters(self) -> list[dict[str, Any]]:
        """Return ``exchangeFilters`` as the exchange lists them."""
        return [
            {"filterType": name, sent: getattr(self, limit)}
            for name, (limit, sent) in _FIELDS.items()
            if getattr(self, limit)
        ]

    def asset_filters(self) -> list[dict[str, Any]]:
        """Return ``assetFilters`` as the exchange lists them."""
        return [
            {"filterType": "MAX_ASSET", "asset": asset, "limit": f"{limit:.8f}"}
            for asset, limit in self.max_assets.items()
        ]

    def violation(
        self,
        *,
        order_type: str,
        base_asset: str,
        quote_asset: str,
        quantity: Decimal | None = None,
        notional: Decimal | None = None,
        iceberg: bool = False,
        open_orders: int = 0,
        open_algo_orders: int = 0,
        open_iceberg_orders: int = 0,
    ) -> str | None:
        """Return the first filter that one more order would violate, or None; counts span all symbols."""
        if self.max_orders and open_orders >= self.max_orders:
            return "EXCHANGE_MAX_NUM_ORDERS"
        if self.max_algo_orders and order_type in ALGO_TYPES and open_algo_orders >= self.max_algo_orders:
            return "EXCHANGE_MAX_NUM_ALGO_ORDERS"
        if self.max_iceberg_orders and iceberg and open_iceberg_orders >= self.max_iceberg_orders:
            return "EXCHANGE_MAX_NUM_ICEBERG_ORDERS"
        for asset, amount in ((base_asset, quantity), (quote_asset, notional)):
            limit = self.max_assets.get(asset)
            if limit is not None and amount is not None and amount > limit:
                return "MAX_ASSET"
        return None

    def list_violation(self, *, open_order_lists: int) -> str | None:
        """Return EXCHANGE_MAX_NUM_ORDER_LISTS when one more order list would be too many, else None."""
        too_many = self.max_order_lists and open_order_lists >= self.max_order_lists
        return "EXCHANGE_MAX_NUM_ORDER_LISTS" if too_many else None
