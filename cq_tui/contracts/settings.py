"""``ssot/env.json``: every setting, its default and its limits."""

import json
import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError, ValidationInfo, field_validator

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.contracts.units import COUNT, MIB, NO_UNIT, QUOTE, SECONDS, SHARE

#: Values from the example file that mean "not set".
PLACEHOLDERS = frozenset({"", "your_api_key_here", "your_api_secret_here"})

#: Symbols listed by the simulated exchange, and the default of SYMBOLS.
DEFAULT_SYMBOLS: tuple[str, ...] = (
    "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT",
    "AVAXUSDT", "DOTUSDT", "LINKUSDT", "LTCUSDT", "TRXUSDT", "ATOMUSDT", "NEARUSDT",
)  # fmt: skip

TradingState = Literal["active", "reducing", "halted"]
#: From least to most careful: if file and environment differ, the later one wins.
TRADING_STATES: tuple[str, ...] = ("active", "reducing", "halted")

SECRET_KEYS = frozenset({"BINANCE_API_KEY", "BINANCE_API_SECRET"})


def environment_of_plug_ins(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment without the keys of the account, for which the code of plug-ins has no use."""
    return {name: value for name, value in environment.items() if name not in SECRET_KEYS}


def _unset(value: Any) -> Any:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return None if isinstance(plain, str) and plain.strip() in PLACEHOLDERS else value


def _symbols(value: Any) -> Any:
    """Return the names of a list or of a text, each once."""
    names = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    is_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return list(dict.fromkeys(names)) if is_names else names


#: Of ASCII: capital letters, digits, hyphen, point, underscore.
_SYMBOL = r"[^\x00-,/:-@\x5b-\x5e\x60-\x7f]{1,50}"
_TOP = r"top:[1-9][0-9]{0,2}:[A-Z0-9]{1,20}"


def _as_listed(name: Any) -> Any:
    """Refuse what no exchange lists, in plain words: beyond ASCII spaces, marks, signs, letters with a capital form."""
    if not isinstance(name, str) or re.fullmatch(_TOP, name):
        return name
    is_letters = all(letter.isascii() or letter.isalnum() for letter in name)
    if not re.fullmatch(_SYMBOL, name) or not is_letters or name != name.upper():
        raise ValueError("must be a symbol as the exchange lists it, in capital letters, such as BTCUSDT")
    return name


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _known_interval(value: Any) -> Any:
    if value is not None and (not isinstance(value, str) or value not in INTERVAL_MS):
        raise ValueError(f"must be one of {', '.join(INTERVAL_MS)}")
    return value


def _json_object(value: Any) -> Any:
    """Read an object from the environment; what is none is left for the type to refuse."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_unset)]
_Interval = Annotated[str, Field(json_schema_extra={"enum": [*INTERVAL_MS]})]
OptionalInterval = Annotated[_Interval | None, BeforeValidator(_known_interval), BeforeValidator(_empty_is_none)]
OptionalAmount = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False), QUOTE] | None, BeforeValidator(_empty_is_none)
]
OptionalFactor = Annotated[
    Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), NO_UNIT] | None, BeforeValidator(_empty_is_none)
]
OptionalText = Annotated[str | None, BeforeValidator(_empty_is_none)]
#: As exchanges list them, since 2025-12 with letters of other scripts, such as 币安人生USDT. The exchange tells the
#: longest in the text of its error -1100.
Symbol = Annotated[str, Field(pattern=f"^{_SYMBOL}$"), BeforeValidator(_as_listed)]
#: A symbol, or ``top:50:USDT``: the 50 with the most quote volume among those priced in USDT.
SymbolEntry = Annotated[
    str,
    Field(pattern=f"^({_TOP}|{_SYMBOL})$"),
    BeforeValidator(_as_listed),
]
_MOST_SYMBOLS = 1_000
_ListedEntries = Annotated[list[SymbolEntry], Field(min_length=1, max_length=_MOST_SYMBOLS)]
EntryList = Annotated[_ListedEntries, BeforeValidator(_symbols, json_schema_input_type=_ListedEntries | str)]
_ListedSymbols = Annotated[list[Symbol], Field(min_length=1, max_length=_MOST_SYMBOLS)]
SymbolList = Annotated[_ListedSymbols, BeforeValidator(_symbols, json_schema_input_type=_ListedSymbols | str)]
#: As exchanges name them: BTC, USDT, 1INCH.
Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}$")]


class StrategySettings(ContractModel):
    """Settings of one strategy. All other keys are its parameters."""

    enabled: bool = True
    """Whether it runs."""
    symbols: SymbolList | None = None
    """Symbols that it runs on, of those in SYMBOLS; unset means all of them."""
    interval: OptionalInterval = None
    """Interval of its trigger bars; unset means the base interval."""


#: Kept as it is written: one wrong value inside must not void the others. Whoever runs strategies judges each.
StrategiesObject = Annotated[
    dict[str, Any], BeforeValidator(_json_object, json_schema_input_type=dict[str, StrategySettings])
]


class Settings(ContractModel):
    """Effective settings, with the keys of the file and the environment."""

    BINANCE_API_KEY: OptionalSecret = None
    """API key for testnet or live. Never used in simulation and paper."""
    BINANCE_API_SECRET: OptionalSecret = None
    """API secret, Ed25519 private key (PEM), or file:PATH of a file with either."""
    BINANCE_USE_TESTNET: bool = True
    """Requests mode testnet; if settings conflict, the safest mode wins."""
    TRADING_MODE: Literal["simulation", "paper", "testnet", "live"] = "testnet"
    """Requests this mode; if settings conflict, the safest mode wins."""
    SIMULATION_MODE: bool = True
    """Requests mode simulation, the safest mode."""
    PAPER_MODE: bool = False
    """Requests mode paper; if settings conflict, the safest mode wins."""
    LIVE_TRADING_ENABLED: bool = False
    """Consent to live trading, required in addition to TRADING_MODE=live."""
    TEST_ALLOW_DEFAULT_SIGNAL: bool = False
    """Lets ARES emit test signals when no strategy fires. Never in live mode."""
    ARES_FRESHNESS_THRESHOLD: Annotated[float, SECONDS] = Field(10.0, gt=0, le=3600, allow_inf_nan=False)
    """Maximum age of feeder data and signals in seconds."""
    FEEDER_HEARTBEAT_INTERVAL: Annotated[float, SECONDS] = Field(5.0, ge=0.2, le=60, allow_inf_nan=False)
    """Seconds between the feeder's heartbeats."""
    TRADER_ORDER_COOLDOWN: Annotated[float, SECONDS] = Field(1.0, ge=0, le=86400, allow_inf_nan=False)
    """Minimum seconds between two entries in one symbol."""
    DISABLE_ORDER_GUARDRAILS: bool = False
    """Lifts the limits about appetite: how often, how much and which signals. Live mode requires them: it cannot be
    entered with true, and true is refused in it."""
    ENABLE_DEBUG_TRACING: bool = False
    """Logs, at level INFO, how long each step from closed kline to acknowledged order takes."""
    LOG_LEVEL: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    """Minimum level of logged messages."""

    TRADING_STATE: TradingState = "active"
    """active trades; reducing and halted open nothing, protect what is open and let it be closed. If file and
    environment differ, the safer one wins."""
    SYMBOLS: EntryList = list(DEFAULT_SYMBOLS)
    """Symbols to watch and trade: a list, or names separated by commas. top:50:USDT stands for the 50 symbols priced in
    USDT with the most volume in 24 hours, reviewed every hour."""
    ARES_BASE_INTERVAL: OptionalInterval = None
    """Base kline interval, such as 5m; unset means 1s in simulation and 5m in other modes. A data directory of an
    earlier version keeps 1m, which is written into its file outside simulation."""
    STRATEGIES: StrategiesObject = {}
    """Settings of strategies by name: enabled, symbols, interval, and what `cq-tui strategies NAME` lists. A wrong
    value keeps its last good one. Set single ones as STRATEGIES.NAME.PARAMETER; in the environment,
    STRATEGIES__NAME__PARAMETER wins."""
    TRADER_ORDER_QUOTE: Annotated[float, QUOTE] = Field(100.0, gt=0, allow_inf_nan=False)
    """Amount of one entry, in TRADER_QUOTE."""
    TRADER_QUOTE: Asset = "USDT"
    """Asset in which money is counted; symbols with another quote asset are not traded. It may not change while
    positions are open."""
    TRADER_SLIPPAGE_CAP: Annotated[float, SHARE] = Field(0.002, gt=0, le=0.05)
    """Share of the ask that an entry may cost above it."""
    TRADER_MAX_PRICE_GAP: Annotated[float, SHARE] = Field(0.02, gt=0, le=1)
    """Share by which a signal's entry price may differ from the ask and from the last trade."""
    TRADER_MAX_POSITIONS: Annotated[int, COUNT] = Field(5, ge=0, le=1000)
    """Maximum number of open positions."""
    TRADER_MAX_EXPOSURE: Annotated[float, SHARE] = Field(0.5, gt=0, le=1)
    """Maximum share of the equity in positions, entries on their way included."""
    TRADER_MAX_ORDERS_MINUTE: Annotated[int, COUNT] = Field(30, ge=0, le=100_000)
    """Maximum number of entries within any 60 seconds."""
    TRADER_MAX_ORDERS_DAY: Annotated[int, COUNT] = Field(5000, ge=0, le=10_000_000)
    """Maximum number of entries on one day, UTC."""
    TRADER_MAX_ORDER_NOTIONAL: OptionalAmount = None
    """Most that one entry may cost, in TRADER_QUOTE; larger ones are made smaller. Unset means no limit."""
    TRADER_MAX_SYMBOL_NOTIONAL: OptionalAmount = None
    """Most that one symbol may hold, in TRADER_QUOTE, entries on their way included. Unset means no limit."""
    TRADER_MAX_TOTAL_NOTIONAL: OptionalAmount = None
    """Most that all positions may hold, in TRADER_QUOTE, entries on their way included. Unset means no limit."""
    TRADER_MIN_CONFIDENCE: Annotated[float, SHARE] = Field(0.0, ge=0, le=1)
    """Minimum confidence of a signal."""
    TRADER_MIN_TARGET_COSTS: OptionalFactor = None
    """How many times the costs of buying and selling (both commissions and half the spread) a target must bring at
    least. Unset means 1 in simulation and 2 in other modes."""
    TRADER_RISK_FRACTION: Annotated[float, SHARE] = Field(0.0, ge=0, le=1)
    """Share of the equity that an entry may lose between its price and its stop: the further the stop, the smaller
    the entry, up to TRADER_ORDER_QUOTE. 0 leaves the size to TRADER_ORDER_QUOTE."""
    TRADER_MAX_DAILY_LOSS: Annotated[float, SHARE] = Field(0.1, gt=0, le=1)
    """Share of the day's first equity (UTC) that may be lost; then nothing is opened until the next day."""
    TRADER_DRAWDOWN_WARN: Annotated[float, SHARE] = Field(0.1, gt=0, le=1)
    """Drawdown, as a share of the peak, from which the trader warns."""
    TRADER_DRAWDOWN_REDUCE: Annotated[float, SHARE] = Field(0.2, gt=0, le=1)
    """Drawdown from which nothing is opened."""
    TRADER_DRAWDOWN_HALT: Annotated[float, SHARE] = Field(0.3, gt=0, le=1)
    """Drawdown from which nothing is opened and everything is closed."""
    TRADER_EXIT_ANY_STRATEGY: bool = False
    """Lets a SELL signal close the position of another strategy, and coins that a person adopted."""
    TRADER_QUARANTINE_FAILURES: Annotated[int, COUNT] = Field(3, ge=1, le=100)
    """Consecutive failures after which a symbol is quarantined."""
    TRADER_QUARANTINE_SECONDS: Annotated[float, SECONDS] = Field(900.0, gt=0, allow_inf_nan=False)
    """Seconds until a quarantined symbol or strategy is probed again."""
    TRADER_MAX_SYMBOL_STOPS: Annotated[int, COUNT] = Field(10, ge=1, le=1000)
    """Stops with a loss in a row after which a symbol is quarantined."""
    TRADER_MAX_STRATEGY_STOPS: Annotated[int, COUNT] = Field(20, ge=1, le=1000)
    """Stops with a loss in a row after which a strategy is quarantined."""
    TRADER_MAX_REPAIRS: Annotated[int, COUNT] = Field(5, ge=1, le=1000)
    """How often a position that lost its protection is protected again within TRADER_REPAIR_WINDOW; then it is sold and
    its symbol quarantined."""
    TRADER_REPAIR_WINDOW: Annotated[float, SECONDS] = Field(60.0, gt=0, le=86400)
    """Seconds in which repairs of a protection are counted."""
    TRADER_INPUTS_MIB: Annotated[int, MIB] = Field(64, ge=0, le=65536)
    """Most MiB for the recording of what the trader was told, from which `cq-tui backtest live` lets it decide again;
    what is older is deleted. 0 records nothing."""
    MEMORY_SNAPSHOT_INTERVAL: Annotated[float, SECONDS] = Field(60.0, ge=1, allow_inf_nan=False)
    """Seconds between snapshots."""
    MEMORY_SNAPSHOTS_KEPT: Annotated[int, COUNT] = Field(1440, ge=1)
    """Snapshots kept; older ones are deleted unless a kept one is based on them."""
    MEMORY_SNAPSHOT_FULL_EVERY: Annotated[int, COUNT] = Field(60, ge=1)
    """One in so many snapshots is full; the others hold changes only."""
    MEMORY_CHECKPOINT_INTERVAL: Annotated[float, SECONDS] = Field(60.0, ge=1, allow_inf_nan=False)
    """Seconds between signed checkpoints, if there are new events."""
    MEMORY_CHECKPOINT_COPY: OptionalText = None
    """File for a copy of the last signed checkpoint; on another disk or host it cannot be rolled back together with
    the data directory."""
    SIMULATOR_SEED: Annotated[int, NO_UNIT] | None = Field(None, ge=0, lt=2**63)
    """Seed of the simulated market; unset means the built-in seed."""
    SIMULATOR_REPLAY: OptionalText = None
    """Folder or file of recorded klines or trades for the simulated exchange to replay."""
    SIMULATOR_SPEED: Annotated[float, NO_UNIT] | None = Field(None, gt=0, le=3600, allow_inf_nan=False)
    """How many seconds of a real market pass in one of the simulated market. Unset means 60; of a recording, a kline
    passes in a second then, and trades take their own time."""
    SIMULATOR_PORT: Annotated[int, NO_UNIT] = Field(0, ge=0, le=65535)
    """Port of the simulated exchange on 127.0.0.1; 0 picks a free one."""
    BINANCE_REST_URL: OptionalText = None
    """Overrides the REST URL of testnet and live."""
    BINANCE_STREAM_URL: OptionalText = None
    """Overrides the market stream URL."""
    BINANCE_WS_API_URL: OptionalText = None
    """Overrides the WebSocket API URL."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for what is no switch: as numbers they are 1 and 0, which lift a limit."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError(f"must not be {str(value).lower()}: this is no switch")
        return value

    @property
    def has_keys(self) -> bool:
        """Whether both key and secret are set."""
        return self.BINANCE_API_KEY is not None and self.BINANCE_API_SECRET is not None


_ENTRY: TypeAdapter[str] = TypeAdapter(SymbolEntry)


def usable_symbols(value: Any) -> list[str]:
    """Return the entries of SYMBOLS that can be used, although others cannot."""
    found = _symbols(value)
    return list(filter(_is_entry, found))[:_MOST_SYMBOLS] if isinstance(found, list) else []


def _is_entry(entry: Any) -> bool:
    try:
        _ENTRY.validate_python(entry)
    except ValidationError:
        return False
    return True


SETTING_KEYS: tuple[str, ...] = tuple(Settings.model_fields)
