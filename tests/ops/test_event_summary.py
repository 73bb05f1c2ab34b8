"""Events summarized in a line."""

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.event_summary import summarize_event
from cq_tui.store.reading.event import HistoryEvent


def test_events_are_summarized() -> None:
    def words(event_type: str, **data: object) -> str:
        return summarize_event(HistoryEvent("e", 1.0, event_type, "x", data))

    assert words("config_changed", key="PAPER_MODE", old_value=False, new_value=True) == "PAPER_MODE: false → true"
    halted = {"old_state": "active", "new_state": "halted"}
    assert words("trading_state_changed", **halted, by="room", person="kim", why="news") == (
        "active → halted, by kim (room): news"
    )
    assert words("trading_state_changed", **halted, by="file") == "active → halted, by a file"
    assert words("health_status_changed", service="feeder", old_status="ok", new_status="error", reason="silent") == (
        "feeder ok → error: silent"
    )
    assert (
        words("order_executed", symbol="A", side="BUY", size=0.5, price=1.0, status="FILLED") == "A BUY 0.5 @ 1 filled"
    )
    made = {"symbol": "A", "side": "BUY", "entry_price": 2.0, "strategy": "manual", "confidence": 1.0}
    assert words("signal_generated", **made, source="command") == "A BUY @ 2 manual by command 1.00"
    assert words("signal_generated", **made, source="command", person="kim") == "A BUY @ 2 manual by kim 1.00"
    assert words("signal_generated", **made, source="strategy") == "A BUY @ 2 manual 1.00"
    repaired = {
        "symbol": "BTCUSDT",
        "interval": "1s",
        "first_open_time": 1796075853000,
        "last_open_time": 1796080753000,
    }
    assert words("klines_repaired", **repaired, count=1) == (
        "BTCUSDT 1s: 1 stored kline replaced by the exchange's, which differed, from 2026-11-30 21:57:33 UTC on"
    )
    assert "2 stored klines replaced" in words("klines_repaired", **repaired, count=2)
    assert words("made_up", answer=42, note="\x1b[2J") == "answer 42  note ␛[2J"
    assert words("command_executed", command="flatten", outcome="done", message="no open position") == (
        "flatten done: no open position"
    )
    assert words("command_executed", command="flatten", outcome="expired", issued_by="room", person="kim") == (
        "flatten expired, by kim (room)"
    )
    accepted = {"command": "accept", "target": "A", "outcome": "done", "message": "A may trade again"}
    assert words("command_executed", **accepted, person="kim from 192.0.2.7", why="sold by hand") == (
        "accept A done, by kim from 192.0.2.7: A may trade again: sold by hand"
    )
    assert words("owner_established", account="testnet:7", owner="7k3qz", doubt="this directory may be a copy") == (
        "orders on testnet:7 belong to owner 7k3qz, but this directory may be a copy"
    )
    assert words("owner_confirmed", account="testnet:7", owner="7k3qz", person="kim", why="moved") == (
        "owner 7k3qz on testnet:7 confirmed by kim: moved"
    )
    assert words("account_opened", quantity="10000.00000000", asset="USDT") == "profit is counted from 10000 USDT"
    moved = {"symbol": "A", "before": "exposed", "after": "protected", "naked_kind": "trail", "naked_ms": 850}
    assert words("position_changed", **moved) == "A exposed → protected, after 850 ms without a stop (stop moved)"
    reached = {"limit": "daily_loss", "tier": "reduce", "equity": "89.50", "base": "100"}
    assert words("loss_limit_reached", **reached) == "daily loss limit reached (reduce): equity 89.5 of 100"
    ended = {"limit": "drawdown", "how": "accepted", "person": "kim", "why": "we know"}
    assert words("loss_limit_ended", **ended) == "drawdown limit holds no more: accepted by kim: we know"
    flattened = {"symbol": "", "person": "kim from 192.0.2.7", "why": "news"}
    assert words("symbol_locked", **flattened) == "everything flattened by kim from 192.0.2.7: news"
    assert words("symbol_unlocked", **flattened) == "trading resumed by kim from 192.0.2.7 after a flatten: news"
    assert words("stop_moved", symbol="A", stop_loss="0.43074000") == "A stop raised to 0.43074"
    waits = {"symbol": "A", "strategy": "manual", "limit_price": "95.50", "until_ms": 1_785_594_000_000}
    assert words("entry_waits", **waits) == "A entry of manual waits until 2026-08-01 14:20:00 UTC for 95.5"
    left = {"GOLD": {"quantity": "1", "reason": "it came later"}}
    assert words("foreign_sale_planned", coins={"COIN": "3.00"}, left=left) == (
        "coins of others: still to be sold: COIN 3; GOLD stays: it came later"
    )
    assert words("foreign_sale_planned", coins=7, left={"A": 1}) == (
        "coins of others: nothing is left to be sold; A stays"
    ), "damage is no reason to fall silent"
    taken = {"symbol": "A", "quantity": "3.0", "base_asset": "B", "person": "kim", "exit_reason": "flatten"}
    assert words("position_adopted", **taken) == "A 3 B taken over to be sold by kim"
    named = taken | {"exit_reason": None, "strategy": "trend_multi_tf"}
    assert words("position_adopted", **named) == "A 3 B put under protection by kim for trend_multi_tf"


def test_a_quarantine_names_what_it_is_about_its_end_and_who_wanted_it() -> None:
    def words(event_type: str, **data: object) -> str:
        return summarize_event(HistoryEvent("e", 1.0, event_type, "trader", data))

    noon = 1796040000.0
    by_hand = {"symbol": "A", "reason": "news", "cause": "hand", "person": "kim from 192.0.2.7", "until": noon}
    who = "A quarantined by kim from 192.0.2.7 until"
    assert words("symbol_quarantined", **by_hand) == f"{who} 2026-11-30 12:00:00 UTC: news"
    assert words("symbol_quarantined", **by_hand | {"until": NO_END}) == f"{who} released: news"
    counted = {"symbol": "", "strategy": "trend", "reason": "20 stops in a row", "cause": "stops", "until": noon}
    assert words("symbol_quarantined", **counted) == (
        "trend quarantined until 2026-11-30 12:00:00 UTC, then a probe: 20 stops in a row"
    )
    assert words("symbol_quarantined", symbol="A", reason="-2010") == "A quarantined: -2010"
    assert words("symbol_released", symbol="A", reason="by kim: looked at") == "A may trade again: by kim: looked at"
    assert words("symbol_released", symbol="A", cause="hand", reason="its time is over") == (
        "A quarantine is over (hand): its time is over"
    )
    assert words("symbol_released", symbol="", strategy="trend") == "trend may trade again"
