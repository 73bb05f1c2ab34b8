"""What an account holds beside the trader's own coins, in words, before a person has all of it sold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.formatting import plain_amount, sanitize

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState

#: Coins named at most.
_MOST_NAMED = 30


def foreign_lines(account: "AccountState", bids: Mapping[str, float]) -> list[str]:
    """Return the coins that are not ours, a line each with its worth, and the orders that lock some of them.

    ``bids``: by symbol. What is worth most comes first.
    """
    quote = account.quote_asset
    coins = [
        (float(amount) * bids.get(f"{asset}{quote}", 0.0), asset, amount)
        for asset, amount in (account.foreign_coins or {}).items()
        if asset != quote
    ]
    coins.sort(reverse=True)
    lines = [f"{sanitize(asset)} {plain_amount(amount)}{_worth(worth, quote)}" for worth, asset, amount in coins]
    if len(lines) > _MOST_NAMED:
        lines[_MOST_NAMED:] = [f"and {len(lines) - _MOST_NAMED} more"]
    orders = account.foreign_orders or []
    if orders:
        lines.append(f"open orders of others that lock such coins are canceled: {', '.join(map(sanitize, orders[:5]))}")
    return lines


def _worth(worth: float, quote: str) -> str:
    return f", worth {worth:,.2f} {sanitize(quote)}" if worth > 0 else ", price not known here"


def read_foreign_lines(data: DataDir) -> list[str]:
    """Return the same by the trader's last record; that it is not known, if it cannot be read."""
    from cq_tui.contracts.account import AccountState
    from cq_tui.contracts.tickers import TickersError, tickers_from_bytes
    from cq_tui.store.document import DocumentError, read_content, read_document

    try:
        account = read_document(data.account, AccountState)
    except DocumentError as error:
        return [f"what the account holds is not known here: {error}"]
    try:
        _, tickers = tickers_from_bytes(read_content(data.tickers))
    except (DocumentError, TickersError):
        tickers = {}
    return foreign_lines(account, {symbol: ticker.bid for symbol, ticker in tickers.items()})
