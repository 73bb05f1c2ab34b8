"""Whose account keys and an address lead to, by the exchange."""

from cq_tui.binance.hosts import account_key, venue_of
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import AccountInfo
from cq_tui.contracts.layout import DataDir
from cq_tui.services.endpoints import ExchangeAccess, request_budget


class AccountUnidentified(Exception):
    """The exchange does not say whose account it is, or says that it is another one now; the message says so."""


def open_rest(access: ExchangeAccess, data: DataDir) -> SpotRest:
    """Return the REST client of a trading venue."""
    assert access.credentials is not None  # a trading venue has them
    budget, live = request_budget(access, data), access.mode == "live"
    # No request waits for the budget here: the core decides what is still worth sending.
    return SpotRest(access.endpoints.rest, access.credentials, budget=budget, real_money=live, max_wait=0.0)


def account_named(access: ExchangeAccess, info: AccountInfo) -> str | None:
    """Return the name of an account, such as ``testnet:1234567``; None if the exchange does not say whose it is."""
    return account_key(venue_of(access.endpoints.rest, real_money=access.mode == "live"), info.uid)


async def identify(access: ExchangeAccess, rest: SpotRest) -> tuple[str, AccountInfo]:
    """Return whose account it is, and what is there. Raises BinanceError or AccountUnidentified."""
    await rest.sync_clock()
    info = await rest.account()
    account = account_named(access, info)
    if account is None:
        remedy = "If it is one of an earlier cq-tui, restart it with this version"
        address = access.endpoints.rest
        raise AccountUnidentified(f"the exchange at {address} does not say whose account it is. {remedy}")
    return account, info
