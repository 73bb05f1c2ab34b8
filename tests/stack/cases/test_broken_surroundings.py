"""What is around the trader breaks: settings, key, clock, its own files, the account under it."""

from pathlib import Path

import pytest

from cq_tui.store.document import write_document
from cq_tui.store.settings_file import change_settings
from tests.stack.cases.field import Exchange, Field, field, trading, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
_SIGNED = (
    "account", "openOrders", "openOrderList", "myTrades", "order", "orderList", "account/commission",
    "order/cancelReplace", "orderList/oco", "orderList/oto", "orderList/otoco", "orderList/opo", "orderList/opoco",
)  # fmt: skip


async def test_what_is_around_the_trader_breaks(tmp_path: Path) -> None:
    async with field(tmp_path / "data", "BTCUSDT", "ETHUSDT", "SOLUSDT") as around:
        await trading(around)
        await around.enter("BTCUSDT", "ETHUSDT", "SOLUSDT")
        await an_exit_is_taken_while_halted(around)
        await a_comma_too_many(around)
        await a_byte_order_mark(around)
        await a_revoked_key_is_named_alone(around)
        for offset in (-10_000, 5_000, 10_000):
            await the_exchange_has_another_time(around, offset)
        await a_lost_state_file_forgets_nothing(around)
        await another_account_in_the_same_mode(around)
        await a_second_directory_on_the_account(around, tmp_path)
        around.nothing_twice("BTCUSDT", "ETHUSDT", "SOLUSDT")


async def an_exit_is_taken_while_halted(around: Field) -> None:
    """Halted means that nothing is opened: closing is allowed. What is not held is not called closed."""
    change_settings(around.data.settings, {"TRADING_STATE": "halted"})
    await until(lambda: "halted" in str(around.trader.get("blocked_by")))
    await around.leave("SOLUSDT")
    assert (await around.command("flatten", "SOLUSDT")).message == "no open position"
    await around.command("resume", "SOLUSDT")
    await around.refused("SOLUSDT", "trading_halted")
    change_settings(around.data.settings, {"TRADING_STATE": "active"})
    await around.able()


async def a_comma_too_many(around: Field) -> None:
    """The file is no JSON: everybody stays in the mode, also after a restart, and nothing is opened."""
    good = around.data.settings.read_bytes()
    around.data.settings.write_bytes(good.rstrip()[:-1] + b",}")
    await until(lambda: "env.json" in str(around.trader.get("blocked_by")))
    await around.refused("SOLUSDT", "trading_reducing")
    await around.restart("trader")
    await around.ready("trader")
    assert (around.trader["mode"], around.feeder["mode"]) == ("testnet", "testnet")
    assert around.trader["active_positions"] == 2
    assert around.exchange.covered("BTCUSDT")
    around.data.settings.write_bytes(good.rstrip()[:-1] + b',"TRADING_STATE": "halted",}')
    await until(lambda: "halted" in str(around.trader.get("blocked_by")))
    await around.refused("SOLUSDT", "trading_halted")
    write_document(around.data.settings, good)
    await around.able()


async def a_byte_order_mark(around: Field) -> None:
    """The file begins with a byte-order mark: it is read."""
    good = around.data.settings.read_bytes()
    around.data.settings.write_bytes(b"\xef\xbb\xbf" + good.rstrip()[:-1] + b',"TRADER_MAX_POSITIONS": 0}')
    await around.services["trader"].next_health()
    await around.refused("SOLUSDT", "max_positions")
    assert around.trader["mode"] == "testnet"
    write_document(around.data.settings, good)
    await around.able()


async def a_revoked_key_is_named_alone(around: Field) -> None:
    """The exchange refuses the key: that is the reason, and no other service is."""
    faults = [
        around.exchange.fault(
            "error", code=-2015, http_status=401, msg="Invalid API-key, IP, or permissions for action.",
            path=f"/api/v3/{path}", before=True,
        )
        for path in _SIGNED
    ]  # fmt: skip
    # The exchange may have refused a look at the account before: then that is told, with the exchange's words.
    await around.refused("SOLUSDT", "-2015", "exchange_unreachable")
    assert "Invalid API-key" in around.events("order_rejected")[-1]["reason"]
    await until(lambda: around.trader.get("blocked_by"))
    assert around.trader["status"] != "ok"
    _only_the_key_is_blamed(around)
    await around.restart("trader")
    await until(lambda: "key" in str(around.trader.get("reason")).lower())
    _only_the_key_is_blamed(around)
    around.exchange.mend(*faults)
    await around.able()
    assert around.trader["active_positions"] == 2


def _only_the_key_is_blamed(around: Field) -> None:
    (blocked,) = around.trader["blocked_by"]
    assert "key" in blocked.lower()
    for other in ("memory", "ARES", "feeder", "price"):
        assert other not in blocked


async def the_exchange_has_another_time(around: Field, offset: int) -> None:
    """Either trading goes on, or the clock is named: health that is ok takes a valid signal."""
    around.offset_ms = offset
    shift = around.exchange.fault("offset", offset_ms=offset)
    await around.restart("trader")
    await around.ready("trader")
    await until(lambda: abs(around.trader.get("clock_offset_ms", 0) - offset) < 2_000)
    await until(lambda: around.trader.get("status") == "ok" or "clock" in str(around.trader.get("blocked_by")))
    if around.trader["status"] == "ok":
        await around.enter("SOLUSDT")
        await around.leave("SOLUSDT")
    else:
        await around.refused("SOLUSDT", "clock_skew")
    around.offset_ms = 0
    around.exchange.mend(shift)
    await around.able()


async def a_lost_state_file_forgets_nothing(around: Field) -> None:
    """The trader's state file is missing: positions come from the history, and a signal of old is not taken again."""
    bought = around.exchange.bought("BTCUSDT")
    around.services["trader"].kill()
    around.data.state_of("trader").unlink()
    await around.start("trader")
    await around.ready("trader")
    assert around.trader["active_positions"] == 2
    await around.able()
    assert around.exchange.bought("BTCUSDT") == bought


async def another_account_in_the_same_mode(around: Field) -> None:
    """Another key and URL, the same mode: it waits for what is open, which stays protected and can be closed."""
    elsewhere = Exchange("BTCUSDT", "ETHUSDT", "SOLUSDT")
    here = str(around.trader["account"])
    try:
        change_settings(around.data.settings, elsewhere.settings)
        await until(lambda: "which waits until nothing is open here (" in str(around.trader.get("blocked_by")))
        await around.refused("SOLUSDT", "trading_reducing")
        await around.restart("trader")
        await around.ready("trader")
        await until(lambda: "which waits until nothing is open here (" in str(around.trader.get("blocked_by")))
        assert (around.trader["account"], around.held) == (here, {"BTCUSDT", "ETHUSDT"})
        assert around.exchange.covered("BTCUSDT")
        assert not elsewhere.orders("BTCUSDT")
        change_settings(around.data.settings, around.exchange.settings)
    finally:
        elsewhere.close()
    await around.able()


async def a_second_directory_on_the_account(around: Field, folder: Path) -> None:
    """Two data directories, one account: here the second waits; on another machine both stop opening, by name."""
    bought = around.exchange.bought("SOLUSDT")
    async with field(folder / "second", "BTCUSDT", "ETHUSDT", "SOLUSDT", on=around.exchange) as second:
        await second.start("memory", "feeder", "trader")
        await until(lambda: "trades; stop that process" in str(second.trader.get("reason")))
        second.services["trader"].kill()
        await second.start("trader", CQ_CONFIG_DIR=str(folder / "another machine"))
        await second.ready("trader")
        assert second.trader["owner"] != around.trader["owner"]
        assert second.trader["active_positions"] == 0
        await until(lambda: "owner" in str(second.trader.get("doubts")))
        await second.refused("SOLUSDT", "account_in_doubt")
        assert around.exchange.bought("SOLUSDT") == bought
