"""The feeder's choice in the settings of every service, by mode."""

from pathlib import Path

from cq_tui.contracts.settings import Settings
from cq_tui.contracts.state_files import FeederState
from cq_tui.services.chosen_symbols import read_feeder_state, remember, with_chosen_symbols
from cq_tui.services.held_symbols import HeldSymbols
from cq_tui.store.settings_file import LoadedSettings
from tests.services.processes import data_directory


def test_settings_have_what_was_chosen_in_their_mode(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    loaded = LoadedSettings(Settings(SYMBOLS=["ADAUSDT", "top:2:USDT"]))
    assert with_chosen_symbols(loaded, data).settings.SYMBOLS == ["ADAUSDT"]
    remember(data, chosen={"simulation": {"top:2:USDT": ["BTCUSDT", "ADAUSDT"]}, "live": {"top:2:USDT": ["ETHUSDT"]}})
    assert with_chosen_symbols(loaded, data).settings.SYMBOLS == ["ADAUSDT", "BTCUSDT"]
    named = LoadedSettings(Settings(SYMBOLS=["ADAUSDT"]))
    assert with_chosen_symbols(named, data) is named


def test_what_is_held_and_what_is_chosen_are_remembered_together(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    remember(data, held={"simulation": ["BTCUSDT"]})
    remember(data, chosen={"simulation": {"top:1:USDT": ["ETHUSDT"]}})
    assert read_feeder_state(data) == FeederState(
        held={"simulation": ["BTCUSDT"]}, chosen={"simulation": {"top:1:USDT": ["ETHUSDT"]}}
    )
    assert HeldSymbols(data).read("simulation") == ["BTCUSDT"]


def test_a_damaged_file_names_nothing(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    data.state_of("feeder").write_text("{")
    assert with_chosen_symbols(LoadedSettings(Settings(SYMBOLS=["top:2:USDT"])), data).settings.SYMBOLS == []
