"""A plug-in that writes into the pipe to ARES: nothing in it ends ARES, fills its files or makes a signal of no bar."""

from pathlib import Path

import pytest

from tests.services.ares import zoo as zoo_code
from tests.services.ares.test_service import signals
from tests.services.ares.test_zoo import log_of, state, told, zoo
from tests.services.waiting import until

pytestmark = pytest.mark.stack


def forge(monkeypatch: pytest.MonkeyPatch, forged: str, times: int = 1) -> None:
    body = zoo_code.FORGERY.replace("FORGED", repr(forged)).replace("TIMES", str(times))
    monkeypatch.setattr(zoo_code, "FORGERY", body)


def _state_of(name: str, p50: str, faults: str) -> str:
    state = '"slowest": 1e300, "behind": 1e300, "warming": [1, 2, 3], "enabled": 1, "good": {}'
    return f'{{"state": {{"{name}": {{"p50": {p50}, "faults": {faults}, {state}}}}}}}'


@pytest.mark.parametrize(
    "forged",
    [
        '{"failed": "good", "symbol": "", "reason": 5, "traceback": 7}',
        '{"failed": "good", "symbol": "", "reason": "LONG", "traceback": "LONG"}',
        '{"failed": "good", "symbol": 1, "reason": {}, "traceback": []}',
        '{"failed": "nobody", "symbol": "", "reason": "", "traceback": ""}',
        '{"failed": ["good"], "symbol": "", "reason": "", "traceback": ""}',
        '{"refused": "good", "target": 5, "reason": [1], "traceback": {}}',
        '{"loaded": [{"good": 1}, "nobody"]}',
        _state_of("good", "-1e300", "5"),
        _state_of("good", "1e300", '["LONG"]'),
        _state_of("trend_multi_tf", "1", "[]"),
        '{"signal": SIGNAL, "arrived": -1e300}',
        '{"signal": SIGNAL, "arrived": 1e300}',
        '{"signal": SIGNAL, "arrived": null}',
        '{"signal": [1], "arrived": 1}',
        '{"signal": {"reason": "LONG"}, "arrived": 1}',
    ],
)
async def test_no_message_ends_ares_or_fills_its_files(
    tmp_path: Path, forged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(monkeypatch, forged)
    async with zoo(tmp_path, "forger", "good", ARES_FRESHNESS_THRESHOLD=300) as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        bars.add(300.0)
        await until(lambda: state(ares, "good") != "running" or signals(data) != [])
        for _ in range(3):
            await ares.next_health()
        assert ares.is_alive
        assert (data.health / "ares.json").stat().st_size < 40_000
        assert abs(ares.health["latency_ms_p50"]) < 60_000
        assert data.log_of("ares").stat().st_size < 100_000
        assert "trend_multi_tf" in ares.health["active_strategies"]


async def test_there_are_no_more_signals_than_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forge(monkeypatch, '{"signal": SIGNAL, "arrived": 1}', times=500)
    async with zoo(tmp_path, "forger", "good", ARES_FRESHNESS_THRESHOLD=300) as (data, bars, ares):
        await until(lambda: state(ares, "good") == "running")
        added = bars.add(300.0)[0]
        await until(lambda: f"no bar closes at {added.close_time - 499}" in log_of(data))
        await until(lambda: told(ares, "good").get("signals") == 1)
        assert signals(data) == [("good", added.close_time)]
