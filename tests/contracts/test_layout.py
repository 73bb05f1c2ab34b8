"""The names in a data directory."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import FRESHNESS_LIMITS, SERVICES, DataDir


def test_names_of_the_contract() -> None:
    data = DataDir(Path("/d"))
    names = {
        "health/feeder.json": data.health_of("feeder"),
        "ssot/env.json": data.settings,
        "memory/event_chain.ndjson": data.events,
        "memory/hash_chain.json": data.hash_chain,
        "debug_bundle_1640995200.json": data.bundle_at(1640995200),
        "memory/snapshots": data.snapshots,
    }
    assert {str(path.relative_to("/d")): path for path in names.values()} == names


def test_given_goes_before_environment_before_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CQ_DATA_DIR", raising=False)
    assert DataDir.resolve().root == tmp_path / "shared_data"
    monkeypatch.setenv("CQ_DATA_DIR", "elsewhere")
    assert DataDir.resolve().root == tmp_path / "elsewhere"
    assert DataDir.resolve("/given").root == Path("/given")


def test_every_file_lies_in_a_folder_that_is_made_and_parents_come_first() -> None:
    data = DataDir(Path("/d"))
    folders = data.folders()
    for place, folder in enumerate(folders[1:], 1):
        assert folder.parent in folders[:place]
    files = [data.health_of("a"), data.settings, data.events, data.klines_of("A", "1s"), data.state_of("a")]
    files += [data.account, data.ledger, data.lock_of("a"), data.desired_state_of("a"), data.exchange_address]
    files += [data.log_of("a"), data.bundle_at(1), data.tickers]
    assert {path.parent for path in files} <= set(folders)


def test_freshness_limits_are_those_of_the_design() -> None:
    assert set(SERVICES) <= set(FRESHNESS_LIMITS)
    limits = {name: FRESHNESS_LIMITS[name] for name in ("feeder", "ares", "trader", "memory")}
    assert limits == {"feeder": 10.0, "ares": 30.0, "trader": 60.0, "memory": 5.0}
