"""``cq-tui validate``: its exit codes, its text and its JSON."""

import os
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from cq_tui.cli import app
from cq_tui.ops.validate.documents import schema_check
from tests.ops.validate.folders import example, sound_directory, write


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def test_a_sound_directory_exits_with_0(tmp_path: Path) -> None:
    data = sound_directory(tmp_path / "data")
    result = run("--data-dir", data.root)
    assert result.exit_code == 0
    assert "valid: 11 files and 83 lines in them" in result.stdout


def test_warnings_exit_with_1_and_errors_with_2_and_name_what_to_do(tmp_path: Path) -> None:
    data = sound_directory(tmp_path / "data")
    write(data.settings, example("settings", TRADING_STAT="halted"))
    result = run(data.root)
    assert result.exit_code == 1
    assert "unknown setting TRADING_STAT: did you mean TRADING_STATE?" in result.stdout
    write(data.health_of("feeder"), example("health_feeder", ws_connected=False))
    result = run(data.root)
    assert result.exit_code == 2
    first = result.stdout.splitlines()[0]
    assert first == "error    health/feeder.json: ws_connected is false, status is ok (false)"


def test_json_is_one_document_with_every_part_of_a_finding(tmp_path: Path) -> None:
    path = write(tmp_path / "health" / "feeder.json", example("health_feeder", symbols_count=9))
    result = run("--json", path)
    report = orjson.loads(result.stdout)
    assert not schema_check("validation_report")(report)
    assert (report["exit_code"], report["valid"], report["errors"], report["files"]) == (2, False, 1, 1)
    (finding,) = report["findings"]
    assert finding == {
        "severity": "error",
        "rule": "health.symbols_count",
        "file": str(path),
        "kind": "health_feeder",
        "line": None,
        "field": "symbols_count",
        "value": "9",
        "text": "is more than there are symbols",
        "remedy": finding["remedy"],
    }
    assert report["rules"]["health.symbols_count"]["count"] == 1


def test_what_does_not_exist_exits_with_4(tmp_path: Path) -> None:
    assert run(tmp_path / "none").exit_code == 4
    assert run("--data-dir", tmp_path / "none").exit_code == 4
    assert run("--kind", "nonsense", tmp_path).exit_code == 4


def test_a_key_is_not_printed_wherever_it_stands(tmp_path: Path) -> None:
    key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
    settings = write(tmp_path / "ssot" / "env.json", example("settings", LOG_LEVEL=key, TRADING_STATE=f"x {key}"))
    health = write(tmp_path / "health" / "feeder.json", example("health_feeder", status=key))
    for path in (settings, health):
        result = run(path, "--json")
        assert result.exit_code == 2
        assert key[:20] not in result.output


def test_names_that_are_no_text_are_told_in_json(tmp_path: Path) -> None:
    path = write(tmp_path / os.fsdecode(b"lat\xe9n.json"), {})
    result = run(path, "--json")
    assert result.exit_code == 1
    assert orjson.loads(result.stdout)["findings"][0]["file"].endswith("lat\\udce9n.json")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="Linux has a file that opens and cannot be read")
def test_a_file_that_opens_and_cannot_be_read_is_named() -> None:
    result = run("/proc/self/mem")
    assert result.exit_code == 2
    assert "/proc/self/mem: cannot be read" in result.stdout


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    secret = "Zm9vYmFyc2VjcmV0"
    values = example("settings", BINANCE_API_KEY=secret, BINANCE_API_SECRET=[secret], LOG_LEVEL="LOUD")
    for content in (values, orjson.dumps(values)[:-1], [values], {"BINANCE_API_KEY": {"a": secret}}):
        path = write(tmp_path / "ssot" / "env.json", content)
        for options in ((), ("--json",)):
            result = run(path, *options)
            assert result.exit_code == 2
            assert secret not in result.output
