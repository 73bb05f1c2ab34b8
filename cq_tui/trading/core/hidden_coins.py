"""What a doubt can hide from whoever wants everything sold: coins that no book has, and that an order could have."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.sellable import sellable_parts

#: By kind of doubt: whether coins of the account that are not in the book may be the trader's all the same.
HIDES_COINS: Final[dict[str, bool]] = {
    # Events are missing, or make no sense: so may a purchase.
    "history": True,
    # Orders with our mark that no book has may be of a past that was lost, with the coins that they bought or sell.
    "other_owner": True,
    "first_version": True,
    "unknown_order": True,
    # What somebody bought by our own ids is ours as well as theirs.
    "same_id_twice": True,
    # An order may have bought more than the book has.
    "outcome": True,
    "claim": True,
    "amount": True,
    "contradiction": True,
    "status": True,
    "defect": True,
    # The account holds less than the book, whose rows say what is left.
    "balance": False,
    # The orders are gone, and what the account holds beyond the book came with its new past.
    "venue_wiped": False,
}


class JudgedDoubt(NamedTuple):
    """A doubt, and the coins that it may hide."""

    #: Empty for the account.
    symbol: str
    text: str
    #: Amounts in words; empty if it hides nothing that could be sold.
    hides: tuple[str, ...]


def judge_doubts(s: Situation, symbol: str = "", history: str | None = None) -> list[JudgedDoubt]:
    """Return the doubts about a symbol and the account, or with an empty symbol about all, and what each may hide.

    ``history``: why the history is in doubt although the book does not say so.
    """
    found = [JudgedDoubt("", history, _hidden(s, symbol, "history"))] if history is not None else []
    for about, kinds in s.book.doubts.items():
        if not symbol or about in ("", symbol):
            found += [JudgedDoubt(about, text, _hidden(s, about or symbol, kind)) for kind, text in kinds.items()]
    return found


def is_known(s: Situation, symbol: str = "") -> bool:
    """Whether what the account holds beyond the book is known, as far as a doubt asks for it."""
    return s.is_quiet_known or not any(doubt.hides for doubt in judge_doubts(s, symbol))


def _hidden(s: Situation, symbol: str, kind: str) -> tuple[str, ...]:
    if not HIDES_COINS.get(kind, True):
        return ()
    if not s.is_quiet_known:
        return ("what the account holds beyond the book is not known yet",)
    return tuple(f"{plain_text(amount)} {asset}" for asset, amount in _beyond_the_book(s, symbol))


def _beyond_the_book(s: Situation, symbol: str) -> Iterator[tuple[str, Decimal]]:
    """Yield the coins that are not in the book and could be sold: of one symbol, or with an empty one of all."""
    rules, quote = s.symbol_rules.get(symbol), s.settings.quote
    base = symbol.removesuffix(quote) if rules is None else rules.base_asset
    for asset, amount in s.foreign.items():
        is_meant = asset == base or (not symbol and asset != quote)
        if is_meant and amount > 0 and _could_be_sold(s, asset, amount):
            yield asset, amount


def _could_be_sold(s: Situation, asset: str, amount: Decimal) -> bool:
    """Whether an order could have them. Where no rules are known, that is not out of the question."""
    sale = s.book.foreign_sale
    if sale is not None and asset in sale.left:
        return False
    markets = [(symbol, rules) for symbol, rules in s.symbol_rules.items() if rules.base_asset == asset]
    return not markets or any(sellable_parts(rules, amount, s.last_bid(symbol)).parts for symbol, rules in markets)
