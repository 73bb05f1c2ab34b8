"""The table of rules about health: each is broken by one change of a sound document, and by no other."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.rules.health import judge_age, judge_health, judge_peers

EXAMPLES = Path(__file__).parents[1] / "examples"
NOW = 1640995200.0
LIMIT = 10.0


def health(service: str, **changes: Any) -> dict[str, Any]:
    """Return the contract's example of a service that is ok, with changes."""
    example = orjson.loads((EXAMPLES / f"health_{service}.json").read_bytes())
    return {**example, "status": "ok", "chain_length": 1251, **changes}


def broken(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.field) for finding in judge_health(document)]


@pytest.mark.parametrize("service", ["feeder", "ares", "trader", "memory"])
def test_the_contracts_examples_keep_all_rules(service: str) -> None:
    assert broken(health(service)) == []


@pytest.mark.parametrize(
    ("service", "changes", "rule", "field"),
    [
        ("feeder", {"ws_connected": False}, "health.ok_without_stream", "ws_connected"),
        ("feeder", {"rest_api_ok": False}, "health.ok_without_rest", "rest_api_ok"),
        ("feeder", {"symbols_count": 4}, "health.symbols_count", "symbols_count"),
        ("feeder", {"last_symbol_update": NOW + 3}, "health.later_than_report", "last_symbol_update"),
        ("ares", {"feeder_health_ok": False}, "health.ok_without_feeder", "feeder_health_ok"),
        ("ares", {"last_signal_time": NOW + 3}, "health.later_than_report", "last_signal_time"),
        ("trader", {"ares_health_ok": False}, "health.ok_without_ares", "ares_health_ok"),
        ("trader", {"account_balance_ok": False}, "health.ok_without_balance", "account_balance_ok"),
        ("memory", {"integrity_ok": False}, "health.ok_without_integrity", "integrity_ok"),
        ("memory", {"chain_length": 1252}, "health.chain_length", "chain_length"),
        ("memory", {"last_integrity_check": NOW + 3}, "health.later_than_report", "last_integrity_check"),
    ],
)
def test_each_rule_about_one_document(service: str, changes: dict[str, Any], rule: str, field: str) -> None:
    assert broken(health(service, **changes)) == [(rule, field)]


@pytest.mark.parametrize(
    ("service", "changes"),
    [
        ("feeder", {"status": "degraded", "ws_connected": False, "rest_api_ok": False}),
        ("feeder", {"symbols_count": 2}),
        ("ares", {"status": "degraded", "feeder_health_ok": False}),
        ("trader", {"status": "degraded", "ares_health_ok": False, "account_balance_ok": False}),
        ("memory", {"status": "error", "integrity_ok": False}),
        ("memory", {"chain_length": 1000}),
    ],
)
def test_a_service_that_says_so_itself_keeps_the_rules(service: str, changes: dict[str, Any]) -> None:
    assert broken(health(service, **changes)) == []


def peers(**documents: dict[str, Any]) -> list[tuple[str, str]]:
    return [(service, finding.rule) for service, finding in judge_peers(documents, LIMIT)]


def test_a_claim_about_a_peer_is_compared_with_what_was_there_to_read() -> None:
    failed = health("feeder", status="error", last_update_ts=NOW - 6)
    assert peers(ares=health("ares"), feeder=failed) == [("ares", "peers.feeder")]
    assert peers(ares=health("ares", feeder_health_ok=False), feeder=failed) == []
    assert peers(ares=health("ares"), feeder=health("feeder", last_update_ts=NOW - 6)) == []


def test_a_claim_is_not_held_against_a_report_that_its_service_may_not_have_read() -> None:
    just_failed = health("feeder", status="error", last_update_ts=NOW - 1)
    assert peers(ares=health("ares"), feeder=just_failed) == []
    assert peers(ares=health("ares"), feeder=health("feeder", status="error", last_update_ts=NOW + 60)) == []


def test_a_peer_whose_report_was_too_old_cannot_have_been_well() -> None:
    old = health("feeder", last_update_ts=NOW - LIMIT - 6)
    assert peers(ares=health("ares"), feeder=old) == [("ares", "peers.feeder")]
    assert not list(judge_peers({"ares": health("ares"), "feeder": old}, 60.0))
    assert peers(trader=health("trader"), ares=health("ares", last_update_ts=NOW - 36)) == [("trader", "peers.ares")]


def test_a_trader_is_not_ok_while_memory_reports_damage() -> None:
    damaged = health("memory", status="error", integrity_ok=False, last_update_ts=NOW - 6)
    assert peers(trader=health("trader"), memory=damaged) == [("trader", "peers.memory")]
    assert peers(trader=health("trader", status="degraded"), memory=damaged) == []


def test_health_and_account_name_the_same_quarantined_symbols_when_written_together() -> None:
    trader = health("trader", quarantined_symbols=["BTCUSDT"])
    account = {"timestamp": NOW + 0.01, "quarantine": {"BTCUSDT": {}}}
    assert peers(trader=trader, account=account) == []
    assert peers(trader=trader, account=account | {"quarantine": {}}) == [("trader", "peers.quarantine")]
    assert peers(trader=trader, account={"timestamp": NOW + 5, "quarantine": {}}) == []


@pytest.mark.parametrize(
    ("age", "rules"), [(0.0, []), (9.0, []), (11.0, ["health.stale"]), (-1.0, []), (-60.0, ["health.ahead"])]
)
def test_the_age_of_a_running_service(age: float, rules: list[str]) -> None:
    assert [finding.rule for finding in judge_age(health("feeder"), NOW + age)] == rules
