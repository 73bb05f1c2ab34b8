"""Settings: who goes before whom, what a bad file does, and that no change is lost."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.mode import ACCOUNT_KEYS, effective_mode
from cq_tui.contracts.settings import DEFAULT_SYMBOLS, SECRET_KEYS, SETTING_KEYS, TRADING_STATES, Settings
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_file import (
    LoadedSettings,
    SettingsError,
    change_settings,
    load_settings,
    merge_settings,
    redact_value,
)
from tests.store.processes import finished, program, word

CANARY = "canary-71c4"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "ssot").mkdir()
    return tmp_path / "ssot" / "env.json"


def test_environment_goes_before_file_before_default(path: Path) -> None:
    write_document(path, {"ARES_FRESHNESS_THRESHOLD": 20.0, "LOG_LEVEL": "warning"})
    found = load_settings(path, {"LOG_LEVEL": "ERROR", "HOME": "/"})
    assert (found.settings.LOG_LEVEL, found.settings.ARES_FRESHNESS_THRESHOLD) == ("ERROR", 20.0)
    assert found.settings.FEEDER_HEARTBEAT_INTERVAL == 5.0
    sources = {key: found.sources[key] for key in ("LOG_LEVEL", "ARES_FRESHNESS_THRESHOLD", "SYMBOLS")}
    assert sources == {"LOG_LEVEL": "environment", "ARES_FRESHNESS_THRESHOLD": "file", "SYMBOLS": "default"}
    assert set(found.sources) == set(SETTING_KEYS)
    assert [key for key in SETTING_KEYS if found.is_overridden_by_environment(key)] == ["LOG_LEVEL"]


def test_no_file_means_defaults_and_no_problem(path: Path) -> None:
    assert load_settings(path, {}) == LoadedSettings(Settings(), dict.fromkeys(SETTING_KEYS, "default"))


@pytest.mark.parametrize(("in_file", "held"), list(itertools.product((None, *TRADING_STATES), repeat=2)))
def test_of_two_trading_states_the_safer_one_wins(path: Path, in_file: str | None, held: str | None) -> None:
    if in_file:
        write_document(path, {"TRADING_STATE": in_file})
    found = load_settings(path, {"TRADING_STATE": held} if held else {})
    ranks = {"active": 0, "reducing": 1, "halted": 2, None: 0}
    assert ranks[found.settings.TRADING_STATE] == max(ranks[in_file], ranks[held])
    # Whoever wants to halt must be able to, unless the environment has halted already.
    assert found.is_overridden_by_environment("TRADING_STATE") == (held == "halted")
    for wanted in TRADING_STATES:
        expected = held is not None and ranks[wanted] < ranks[held]
        assert found.is_overridden_by_environment("TRADING_STATE", wanted) == expected


BAD = [
    (b"", "is empty"),
    (b"{", "not valid JSON"),
    (b"[]", "not an object"),
    (b"NaN", "not an object"),
    (b"\x00" * 64, "not valid JSON"),
    (b'{"LOG_LEVEL": "INFO",\n "PAPER_MODE": true,\n}', "not valid JSON .*line 2 column 20"),
    (b'{"LOG_LEVEL": "INFO"}\x00\x00', "not valid JSON .*line 1 column 22"),
    (b'{"later": "\\ud800"}', "not valid JSON .*surrogate"),
    (b'{"later": ' * 100_000, "not valid JSON .*depth"),
    ("\ufeff{}".encode("utf-16"), "not valid JSON .*UTF-16: save it as UTF-8"),
    ("{}".encode("utf-16-be"), "not valid JSON .*UTF-16"),
]

#: Wrong values, which void no other one.
WRONG = [
    (b'"TRADER_MAX_POSITIONS": "many"', "TRADER_MAX_POSITIONS is 'many': .*integer"),
    (b'"TRADER_MAX_POSITIONS": ' + b"9" * 5000, "TRADER_MAX_POSITIONS is inf"),
    (b'"TRADER_MAX_POSITIONS": 1' + b"0" * 300, r"TRADER_MAX_POSITIONS is 1e\+300"),
    (b'"TRADER_MAX_POSITIONS": NaN', "TRADER_MAX_POSITIONS is nan"),
    (b'"TRADER_MAX_POSITIONS": 1e999', "TRADER_MAX_POSITIONS is inf"),
    (b'"SYMBOLS": ["[red]\\u001b[31m"]', r"SYMBOLS is '\[red\]\\x1b\[31m'"),
    (b'"ARES_BASE_INTERVAL": []', "ARES_BASE_INTERVAL is"),
    (
        b'"MEMORY_CHECKPOINT_COPY": "' + b"x" * 100_000 + b'", "TRADER_QUOTE": "' + b"x" * 9999 + b'"',
        "TRADER_QUOTE is 'xx",
    ),
    (b'"LOG_LEVEL": "INFO",\n\n"LOG_LEVEL" : "INFO"', r"has 'LOG_LEVEL' twice \(lines 1, 3\)"),
    (b'"LOG_LEVEL": "INFO", " LOG_LEVEL": "ERROR"', "has 'LOG_LEVEL' twice"),
    (b'"PAPER_MODE": true, "PAPER\\u005fMODE": false', "has 'PAPER_MODE' twice"),
    (b'"later": {"a": 1, "a": 2}', "has 'a' twice"),
    (b'"BINANCE_API_KEY": ["' + CANARY.encode() + b'"]', "BINANCE_API_KEY: "),
    (b'"LOG_LEVEL": 5, "TRADER_MAX_EXPOSURE": 7', "LOG_LEVEL is 5.*TRADER_MAX_EXPOSURE is 7"),
]
GOOD = {"LOG_LEVEL": "WARNING", "TRADER_MAX_POSITIONS": 2, "BINANCE_API_KEY": "known", "TRADER_MAX_EXPOSURE": 0.25}


@pytest.mark.parametrize(("content", "words"), WRONG)
@pytest.mark.parametrize("good", [GOOD, None], ids=["last good", "first start"])
def test_a_wrong_value_is_named_and_voids_no_other(
    path: Path, content: bytes, words: str, good: dict[str, Any] | None
) -> None:
    before = None
    if good is not None:
        write_document(path, good)
        before = load_settings(path, {})
    path.write_bytes(b"{" + content + b', "TRADER_ORDER_QUOTE": 33.0, "TRADING_STATE": "active"}')
    found = load_settings(path, {}, last_good=before)
    assert re.search(words, found.problem or ""), found.problem
    assert CANARY not in (found.problem or "")
    assert len(found.problem or "") < 600
    assert (found.settings.TRADER_ORDER_QUOTE, found.sources["TRADER_ORDER_QUOTE"]) == (33.0, "file")
    assert found.settings.TRADING_STATE == "reducing", "nothing is opened until it is corrected"
    for key, default in {"TRADER_MAX_POSITIONS": 5, "LOG_LEVEL": "INFO", "TRADER_MAX_EXPOSURE": 0.5}.items():
        if key.encode() in content:
            assert getattr(found.settings, key) == (good or {}).get(key, default), "its last good value, or its default"
    after = load_settings(path, {}, last_good=found)
    assert (after.settings, after.in_file) == (found.settings, found.in_file), "so it stays"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (["BTCUSDT", "ETH/USDT", "ADAUSDT"], ["BTCUSDT", "ADAUSDT"]),
        ("BTCUSDT,eth usdt,BTCUSDT", ["BTCUSDT"]),
        (["BTCUSDT", 5, None], ["BTCUSDT"]),
        ([f"S{number}" for number in range(1_200)], [f"S{number}" for number in range(1_000)]),
    ],
)
def test_one_wrong_symbol_voids_no_others(path: Path, value: object, names: list[str]) -> None:
    write_document(path, {"SYMBOLS": ["XRPUSDT"]})
    before = load_settings(path, {})
    write_document(path, {"SYMBOLS": value})
    found = load_settings(path, {}, last_good=before)
    assert names == found.settings.SYMBOLS
    assert found.settings.TRADING_STATE == "reducing"
    assert (found.problem or "").endswith("Until then the other names of SYMBOLS hold")


def test_symbols_that_are_there_twice_hold_as_they_were(path: Path) -> None:
    path.write_text('{"SYMBOLS": ["BTCUSDT"], "SYMBOLS": ["ETHUSDT"]}')
    assert list(DEFAULT_SYMBOLS) == load_settings(path, {}).settings.SYMBOLS


def test_beside_a_wrong_key_or_mode_no_other_account_is_entered(path: Path) -> None:
    write_document(path, {"SIMULATION_MODE": False, "BINANCE_API_KEY": "a", "BINANCE_API_SECRET": "b"})
    before = load_settings(path, {})
    wrong = {"SIMULATION_MODE": False, "BINANCE_USE_TESTNET": False, "PAPER_MODE": "ture", "TRADING_MODE": "live"}
    write_document(path, {**wrong, "BINANCE_API_SECRET": "c", "LOG_LEVEL": "ERROR"})
    found = load_settings(path, {}, before).settings
    assert {key: getattr(found, key) for key in ACCOUNT_KEYS} == {
        key: getattr(before.settings, key) for key in ACCOUNT_KEYS
    }
    assert found.LOG_LEVEL == "ERROR"
    first = load_settings(path, {}).settings
    assert effective_mode(first).mode == "simulation", "where nothing is known, the safest one"


def test_setting_the_wrong_keys_corrects_the_file(path: Path) -> None:
    write_document(path, {"LOG_LEVEL": "LOUD", "TRADER_ORDER_QUOTE": 33.0})
    with pytest.raises(SettingsError, match="LOG_LEVEL is 'LOUD'"):
        change_settings(path, {"PAPER_MODE": True})
    (change,) = change_settings(path, {"LOG_LEVEL": "ERROR"})
    assert (change.old_value, change.new_value) == ("INFO", "ERROR")
    assert read_json(path) == {"LOG_LEVEL": "ERROR", "TRADER_ORDER_QUOTE": 33.0}


def test_white_space_around_names_keys_and_secrets_is_trimmed_with_a_word(path: Path) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    path.write_bytes(orjson.dumps({" BINANCE_API_KEY": f" {CANARY}\t", "LOG_LEVEL\u00a0": "ERROR"}))
    found = load_settings(path, {"BINANCE_API_SECRET": f"{CANARY} "})
    assert found.problem is None
    assert found.settings.LOG_LEVEL == "ERROR"
    for secret in (found.settings.BINANCE_API_KEY, found.settings.BINANCE_API_SECRET):
        assert secret is not None
        assert secret.get_secret_value() == CANARY
    assert found.remarks == (
        "white space around the name BINANCE_API_KEY was trimmed",
        "white space around the name LOG_LEVEL was trimmed",
        "white space around the value of BINANCE_API_KEY was trimmed",
        "white space around the value of BINANCE_API_SECRET in the environment was trimmed",
    )
    change_settings(path, {"BINANCE_API_SECRET": pem})
    assert read_json(path) == {"BINANCE_API_KEY": CANARY, "LOG_LEVEL": "ERROR", "BINANCE_API_SECRET": pem}
    assert load_settings(path, {}).remarks == (), "lines end as they like"


@pytest.mark.parametrize(("content", "words"), BAD)
def test_a_bad_file_is_named_left_alone_and_the_last_good_settings_hold(path: Path, content: bytes, words: str) -> None:
    write_document(path, {"LOG_LEVEL": "WARNING"})
    good = load_settings(path, {})
    path.write_bytes(content)
    found = load_settings(path, {}, last_good=good)
    assert found.settings == good.settings.model_copy(update={"TRADING_STATE": "reducing"}), "nothing is opened"
    assert found.sources == good.sources
    assert found.problem is not None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.problem)
    assert len(found.problem) < 600
    assert "\x1b" not in found.problem
    with pytest.raises(SettingsError, match=words):
        change_settings(path, {"PAPER_MODE": True})
    assert path.read_bytes() == content
    write_document(path, {})
    assert load_settings(path, {}, last_good=found).problem is None


@pytest.mark.parametrize("content", [content for content, _ in BAD])
def test_a_bad_file_at_the_start_opens_no_new_risk(path: Path, content: bytes) -> None:
    """What the file wanted is not known: it may have been a halt. Closing and protecting still work."""
    path.write_bytes(content)
    found = load_settings(path, {"TRADING_MODE": "live"})
    assert found.problem
    assert found.settings.TRADING_MODE == "live"
    assert found.settings.TRADING_STATE == "reducing"
    assert load_settings(path, {"TRADING_STATE": "halted"}).settings.TRADING_STATE == "halted"


def test_a_halt_applies_even_in_a_file_with_another_mistake(path: Path) -> None:
    write_document(path, {"TRADING_STATE": "active"})
    good = load_settings(path, {})
    write_document(path, {"TRADING_STATE": "halted", "PAPER_MODE": "perhaps"})
    for found in (load_settings(path, {}), load_settings(path, {}, last_good=good)):
        assert found.settings.TRADING_STATE == "halted"
        assert found.problem
    write_document(path, {"TRADING_STATE": ["halted"]})
    assert load_settings(path, {}, last_good=good).settings.TRADING_STATE == "reducing"
    path.write_bytes(b'{"TRADING_STATE": "halted", "TRADING_STATE": "active"}')
    assert load_settings(path, {}, last_good=good).settings.TRADING_STATE == "halted", "the more careful one"


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b'{"TRADING_STATE": "halted",}', "halted"),
        (b'{"TRADING_STATE" :\n"halted"', "halted"),
        (b'{"TRADING_STATE": "halted", "TRADING_STATE": "active"}', "halted"),
        (b'\xef\xbb\xbf{"TRADING_STATE": "halted",}', "halted"),
        (b'{"TRADING_STATE": "active",}', "reducing"),
        (b'{"OTHER_TRADING_STATE": "halted",}', "reducing"),
    ],
)
def test_a_halt_applies_even_in_a_file_that_is_no_json(path: Path, content: bytes, state: str) -> None:
    path.write_bytes(content)
    for good in (None, merge_settings({"TRADING_STATE": "active"}, {})):
        found = load_settings(path, {}, last_good=good)
        assert (found.settings.TRADING_STATE, found.problem is None) == (state, False)


def test_a_byte_order_mark_and_line_ends_of_windows_are_accepted(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{\r\n"LOG_LEVEL": "DEBUG"\r\n}\r\n')
    found = load_settings(path, {})
    assert (found.problem, found.settings.LOG_LEVEL) == (None, "DEBUG")
    change_settings(path, {"PAPER_MODE": True})
    assert read_json(path) == {"LOG_LEVEL": "DEBUG", "PAPER_MODE": True}


def test_a_change_writes_a_file_that_is_gone_again_with_the_last_good_values(path: Path) -> None:
    change_settings(path, {"TRADING_STATE": "halted"}, last_good={"SIMULATION_MODE": False, "x_later": [1]})
    assert read_json(path) == {"SIMULATION_MODE": False, "x_later": [1], "TRADING_STATE": "halted"}
    change_settings(path, {"LOG_LEVEL": "DEBUG"}, last_good={"SIMULATION_MODE": True})
    assert read_json(path)["SIMULATION_MODE"] is False


def test_a_file_that_disappears_loses_no_events(path: Path) -> None:
    change_settings(path, {"TRADING_STATE": "halted"})
    loaded = load_settings(path, {})
    path.unlink()
    after = load_settings(path, {}, loaded)
    assert after.settings.TRADING_STATE == "halted"
    assert after.problem is not None
    assert "is gone" in after.problem


def test_a_folder_or_a_fifo_in_its_place_is_a_problem(path: Path) -> None:
    path.mkdir()
    assert "not a regular file" in (load_settings(path, {}).problem or "")
    path.rmdir()
    os.mkfifo(path)
    assert "not a regular file" in (load_settings(path, {}).problem or "")
    with pytest.raises(SettingsError, match="not a regular file"):
        change_settings(path, {"PAPER_MODE": True})


def test_a_wrong_environment_is_an_error_that_names_it(path: Path) -> None:
    for key, value in (("PAPER_MODE", "perhaps"), ("TRADING_STATE", "stop"), ("TRADER_ORDER_QUOTE", "nan")):
        with pytest.raises(SettingsError, match=f"the environment: {key} is '{value}'"):
            load_settings(path, {key: value})


def test_change_keeps_all_other_keys_and_says_what_changed(path: Path) -> None:
    before: dict[str, Any] = {"x_later": {"a": [1, None]}, "LOG_LEVEL": "DEBUG", "PAPER_MODE": False}
    write_document(path, before)
    (change,) = change_settings(path, {"PAPER_MODE": True, "LOG_LEVEL": "DEBUG"})
    assert (change.key, change.old_value, change.new_value) == ("PAPER_MODE", False, True)
    assert read_json(path) == before | {"PAPER_MODE": True}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_against_the_rules_changes_nothing(path: Path) -> None:
    write_document(path, {"LOG_LEVEL": "DEBUG"})
    content = path.read_bytes()
    for changes, words in (
        ({"NO_SUCH_KEY": 1}, "unknown setting NO_SUCH_KEY"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD'"),
        ({"PAPER_MODE": True, "TRADER_MAX_EXPOSURE": 2}, "TRADER_MAX_EXPOSURE is 2"),
        ({"BINANCE_API_KEY": 12345678}, "BINANCE_API_KEY"),
        ({"SIMULATOR_SEED": 2**70}, "SIMULATOR_SEED"),
    ):
        with pytest.raises(SettingsError, match=words) as caught:
            change_settings(path, changes)
        assert "12345678" not in str(caught.value)
        assert path.read_bytes() == content


def test_secrets_are_written_but_never_shown(path: Path) -> None:
    (key, secret) = change_settings(path, dict.fromkeys(sorted(SECRET_KEYS), CANARY))
    assert (key.old_value, key.new_value, secret.new_value) == ("unset", "set", "set")
    assert read_json(path)["BINANCE_API_KEY"] == CANARY
    loaded = load_settings(path, {})
    assert CANARY not in repr(loaded) + str(loaded)
    path.write_bytes(orjson.dumps({"BINANCE_API_KEY": [CANARY]}))
    assert CANARY not in (load_settings(path, {}).problem or "")
    assert (redact_value("BINANCE_API_KEY", None), redact_value("LOG_LEVEL", "INFO")) == ("unset", "INFO")


CHANGER = """
import sys
from pathlib import Path
from cq_tui.store.settings_file import change_settings
path, key = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for value in range(1, 61):
    change_settings(path, {key: value})
"""


def test_two_processes_that_change_different_keys_lose_none(path: Path) -> None:
    keys = ("TRADER_MAX_POSITIONS", "TRADER_QUARANTINE_FAILURES")
    with program(CHANGER, path, keys[0]) as first, program(CHANGER, path, keys[1]) as second:
        assert (word(first), word(second)) == (b"ready", b"ready")
        while first.poll() is None or second.poll() is None:
            assert load_settings(path, {}).problem is None
        assert (first.returncode, second.returncode) == (0, 0)
    assert read_json(path) == dict.fromkeys(keys, 60)


REFUSED = """
import resource, sys
from pathlib import Path
from cq_tui.store.settings_file import SettingsError, change_settings
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
try:
    change_settings(Path(sys.argv[1]), {"PAPER_MODE": True})
except SettingsError as error:
    print(error)
"""


def test_a_disk_error_is_reported_and_nothing_is_changed(path: Path) -> None:
    write_document(path, {"LOG_LEVEL": "DEBUG"})
    assert "Nothing was changed" in finished(REFUSED, path)
    assert read_json(path) == {"LOG_LEVEL": "DEBUG"}
    with pytest.raises(SettingsError, match="cannot be written"):
        change_settings(path / "below" / "env.json", {"PAPER_MODE": True})


NOT_RESTORED = """
import resource, sys
from pathlib import Path
from cq_tui.store.settings_file import SettingsError, replace_unusable
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
try:
    replace_unusable(Path(sys.argv[1]), {"PAPER_MODE": True})
except SettingsError as error:
    print(error)
"""


def test_a_restore_that_the_disk_refuses_puts_back_what_was_there(path: Path) -> None:
    path.write_text("{")
    assert "Nothing was changed" in finished(NOT_RESTORED, path)
    assert path.read_text() == "{"
    assert [each.name for each in path.parent.iterdir() if "broken" in each.name] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_owner_is_ignored_except_for_a_safer_state(path: Path) -> None:
    write_document(path, {"LOG_LEVEL": "DEBUG", "TRADING_STATE": "halted", "LIVE_TRADING_ENABLED": True})
    before = load_settings(path, {})
    os.chown(path, 54_321, 54_321)
    found = load_settings(path, {})
    assert found.problem is not None
    assert f"{path} belongs to user 54321 and is ignored" in found.problem
    assert f"chown 0 {path}" in found.problem
    assert (found.settings.LOG_LEVEL, found.settings.LIVE_TRADING_ENABLED) == ("INFO", False)
    assert found.settings.TRADING_STATE == "halted"
    write_document(path, {"LOG_LEVEL": "DEBUG", "TRADING_STATE": "active"})
    os.chown(path, 54_321, 54_321)
    assert load_settings(path, {}).settings.TRADING_STATE == "reducing"
    stays = before.settings.model_copy(update={"TRADING_STATE": "halted"})
    assert load_settings(path, {}, before).settings == stays, "the last good settings stay"
    with pytest.raises(SettingsError, match="belongs to user 54321"):
        change_settings(path, {"LOG_LEVEL": "ERROR"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_reads_the_settings_of_the_owner_of_the_folder(path: Path) -> None:
    write_document(path, {"LOG_LEVEL": "DEBUG"})
    os.chown(path, 54_321, 54_321)
    os.chown(path.parent, 54_321, 54_321)
    assert (load_settings(path, {}).problem, load_settings(path, {}).settings.LOG_LEVEL) == (None, "DEBUG")


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_the_lock_of_the_settings_is_a_regular_file(path: Path, kind: str) -> None:
    lock = path.with_name(".env.json.lock")
    lock.symlink_to(path.with_name("elsewhere")) if kind == "link" else os.mkfifo(lock)
    with pytest.raises(SettingsError, match="Move it away"):
        change_settings(path, {"LOG_LEVEL": "ERROR"})
    assert not path.with_name("elsewhere").exists()


STRATEGIES = {"trend_multi_tf": {"adx_arm": 30, "enabled": "perhaps"}, "mine": {"token": "s3"}, "odd": 5}


def test_what_is_in_the_object_of_strategies_voids_nothing(path: Path) -> None:
    """Whoever runs them judges it; only what is no object at all is a wrong value."""
    write_document(path, {"STRATEGIES": STRATEGIES, "LOG_LEVEL": "ERROR"})
    found = load_settings(path, {})
    assert (found.problem, found.settings.STRATEGIES, found.settings.TRADING_STATE) == (None, STRATEGIES, "active")
    write_document(path, {"STRATEGIES": [], "LOG_LEVEL": "DEBUG"})
    wrong = load_settings(path, {}, found)
    assert "STRATEGIES is []" in (wrong.problem or "")
    assert (wrong.settings.STRATEGIES, wrong.settings.LOG_LEVEL) == (STRATEGIES, "DEBUG")


def test_the_environment_has_single_settings_of_strategies(path: Path) -> None:
    write_document(path, {"STRATEGIES": STRATEGIES})
    held = {"STRATEGIES__TREND_MULTI_TF__ADX_ARM": "35", "STRATEGIES__OTHER__ENABLED": "false"}
    found = load_settings(path, held)
    assert found.settings.STRATEGIES["trend_multi_tf"] == {"adx_arm": "35", "enabled": "perhaps"}
    assert found.settings.STRATEGIES["other"] == {"enabled": "false"}
    assert found.is_overridden_by_environment("STRATEGIES.trend_multi_tf.adx_arm")
    assert not found.is_overridden_by_environment("STRATEGIES.trend_multi_tf.enabled")
    assert found.sources["STRATEGIES.trend_multi_tf.enabled"] == found.sources["STRATEGIES"] == "file"
    assert found.in_file == {"STRATEGIES": STRATEGIES}, "what is in the environment is never taken for the file's"
    whole = load_settings(path, {"STRATEGIES": '{"mine": {"x": 1}}', **held})
    assert whole.settings.STRATEGIES.keys() == {"mine", "trend_multi_tf", "other"}
    assert whole.is_overridden_by_environment("STRATEGIES.mine.y"), "it replaces the whole object"


def test_single_settings_of_strategies_are_changed_and_told_by_their_dotted_keys(path: Path) -> None:
    write_document(path, {"STRATEGIES": STRATEGIES, "later": 1})
    done = change_settings(path, {"STRATEGIES.trend_multi_tf.adx_arm": 31, "STRATEGIES.new.x": [1]})
    assert [(each.key, each.old_value, each.new_value) for each in done] == [
        ("STRATEGIES.trend_multi_tf.adx_arm", 30, 31),
        ("STRATEGIES.new.x", None, [1]),
    ]
    change_settings(path, {"STRATEGIES.new.x": None, "STRATEGIES.mine.token": "s4"})
    (secret,) = change_settings(path, {"STRATEGIES.mine.token": None})
    assert (secret.old_value, secret.new_value) == ("set", "unset")
    assert read_json(path) == {
        "STRATEGIES": {"trend_multi_tf": {"adx_arm": 31, "enabled": "perhaps"}, "odd": 5},
        "later": 1,
    }
    done = change_settings(path, {"STRATEGIES": {"odd": {"y": 1}}})
    assert {each.key for each in done} == {
        "STRATEGIES.trend_multi_tf.adx_arm", "STRATEGIES.trend_multi_tf.enabled", "STRATEGIES.odd", "STRATEGIES.odd.y",
    }  # fmt: skip


def test_what_an_editor_wrote_at_the_same_moment_is_not_written_over(path: Path) -> None:
    write_document(path, {"STRATEGIES": STRATEGIES})

    @contextmanager
    def meanwhile(_: object) -> Iterator[None]:
        write_document(path, {"LOG_LEVEL": "ERROR"})
        yield

    with pytest.raises(SettingsError, match="changed by somebody else"):
        change_settings(path, {"STRATEGIES.trend_multi_tf.adx_arm": 31}, meanwhile)
    assert read_json(path) == {"LOG_LEVEL": "ERROR"}
