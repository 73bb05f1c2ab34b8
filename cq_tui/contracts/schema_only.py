"""Files that are read without a model: these classes describe them for the schemas, and nothing else uses them."""

from typing import Annotated, Any

from pydantic import Field

from cq_tui.contracts.base import BaseAmount, Bytes, ContractModel, Count, PositivePrice, QuoteAmount, Timestamp, UnixMs
from cq_tui.contracts.units import COUNT, NO_UNIT, SECONDS


class KlineLine(ContractModel):
    """One line of ``market/klines/<symbol>-<interval>.ndjson``: a closed kline."""

    open_time: UnixMs
    """When it opened."""
    close_time: UnixMs
    """When it closed: ``open_time`` plus the interval minus 1."""
    open: PositivePrice
    """First price."""
    high: PositivePrice
    """Highest price."""
    low: PositivePrice
    """Lowest price."""
    close: PositivePrice
    """Last price."""
    volume: BaseAmount
    """What was traded."""
    quote_volume: QuoteAmount
    """The same in the quote asset."""
    trades: Count
    """How many trades there were."""


class TraderStateDocument(ContractModel):
    """``state/trader.json``: a shortcut past the trader's own events, never needed and never edited."""

    format: Annotated[int, NO_UNIT] | None = None
    """2; null in files of 0.1.0."""
    cursor: Bytes | None = None
    """Offset in the history up to which signals were read; null for its end."""
    answered_ts: Timestamp = 0.0
    """Time of the newest signal that was answered."""
    seq: Annotated[int, Field(ge=0), NO_UNIT] | None = None
    """Number of the trader's last own event that the rest includes."""
    owners: list[dict[str, Any]] | None = None
    """The events that tell the owners of orders, each with its type."""
    accounts: dict[str, dict[str, Any]] | None = None
    """The book of each account, in a form of the trader's own."""
    books: dict[str, dict[str, Any]]
    """Books of 0.1.0 by mode, until the account that has their orders is found."""
    checksum: str | None = None
    """CRC-32 of the other fields, eight hex digits."""


class TraderInputLine(ContractModel):
    """One line of ``trader_inputs/<number>.ndjson``: first the trader's core, then each input that it took.

    Both name the types of their values, as the version that wrote them has them; nothing but that version's own
    replay reads them.
    """

    local_ts: Timestamp
    """When the core took it, by this computer's clock."""
    exchange_ts: Timestamp
    """When that was by the exchange's clock."""
    format: Annotated[int, Field(ge=1), NO_UNIT] | None = None
    """Of a first line: the form of the lines, 1."""
    version: str | None = None
    """Of a first line: the program that wrote it."""
    account: str | None = None
    """Of a first line: the account that is traded."""
    session: str | None = None
    """Of a first line: which session of the trader it is; parts of one session follow each other without a gap."""
    seq: Annotated[int, Field(ge=0), NO_UNIT] | None = None
    """Of a first line: number of the trader's last own event before."""
    core: dict[str, Any] | None = None
    """Of a first line: everything that the core knows."""
    told: dict[str, Any] | None = None
    """An input."""
    quotes: dict[str, list[Any]] | None = None
    """By symbol, quotes that changed: bid, ask and last price as text, and Unix seconds of the exchange."""
    same_rules: Annotated[int, Field(ge=0), NO_UNIT] | None = None
    """Number of the request that was answered with the same rules of symbols as the one before."""
    server_time: UnixMs | None = None
    """The exchange's time in that answer."""


class MemoryStateDocument(ContractModel):
    """``state/memory.json``: open faults, and what was verified and signed. It can add faults, and remove none."""

    watermark: Bytes = 0
    """Size of ``event_chain.ndjson`` when it was last known to be synced."""
    faults: list[str] = []
    """Open faults."""
    directory_id: str | None = None
    """Id of this data directory in its checkpoints, 32 hex digits."""
    last_full_check: Timestamp | None = None
    """When the whole history was last verified."""
    clock_behind: bool = False
    """Whether event times lay ahead of the clock, as an event says."""


class StrategySignals(ContractModel):
    """Signals of one strategy."""

    signals: Count
    """How many were generated in this data directory."""
    last_signal_ts: Timestamp | None = None
    """When its last signal was generated."""


class AresStateDocument(ContractModel):
    """``state/ares.json``: what ARES counts over restarts."""

    signal_count: Count
    """Signals generated in this data directory."""
    last_signal_time: Timestamp
    """When the last signal was generated."""
    strategies: dict[str, StrategySignals] | None = None
    """The same by strategy; an earlier version wrote none."""
    good_settings: dict[str, dict[str, Any]] | None = None
    """Settings of each strategy that held last, without secrets and defaults: they hold in place of wrong ones."""
    other_symbols: dict[str, list[str]] | None = None
    """Symbols that each strategy reads beside those that it trades."""


class LedgerIdentity(ContractModel):
    """Who the simulated account is. The secret makes the ledger private."""

    uid: Annotated[int, Field(ge=0), NO_UNIT]
    """The exchange's user id."""
    api_key: str
    """API key of the account."""
    api_secret: str
    """Its secret."""
    starts: Count = 0
    """Starts of the exchange: book update ids of each are above those of the one before."""
    trades: Count = 0
    """A number of market trades that no symbol has reached."""


class LedgerLine(ContractModel):
    """One line of ``exchange/ledger.ndjson``: facts of one command, who the account is, prices, or a snapshot."""

    time: UnixMs | None = None
    """When the command was executed."""
    facts: list[dict[str, Any]] | None = None
    """What it did; ``fact`` is the type of each, decimals are text."""
    account: LedgerIdentity | None = None
    """Who the account is; beside it, ``facts`` is empty."""
    market: dict[str, Any] | None = None
    """The state that generated prices continue from."""
    snapshot: dict[str, Any] | None = None
    """A part of the state that replaced earlier lines."""


class LogLine(ContractModel):
    """One line of ``logs/<service>.log``; further fields belong to the message."""

    ts: Timestamp
    """When it was logged."""
    level: str
    """debug, info, warning, error or critical."""
    event: str
    """What happened, in words."""
    service: str | None = None
    logger: str | None = None
    """Library that logged it."""
    exception: str | None = None
    """Traceback of what went wrong."""


class RateWindowDocument(ContractModel):
    """One limit of the exchange, and what is used of it in the current window."""

    seconds: Annotated[int, Field(ge=1), SECONDS]
    """Length of the window."""
    limit: Annotated[int, Field(ge=1), COUNT]
    """The most in one window: request weight, or orders."""
    number: Annotated[int, Field(ge=0), NO_UNIT]
    """Number of the window since 1970, on the exchange's clock."""
    used: Count
    """What the exchange reported."""
    in_flight: Count
    """What was sent since and is not answered."""


class RequestBudgetDocument(ContractModel):
    """``run/weight-<host>.json``: requests to one exchange host, counted by all processes together.

    The exchange counts weight and bans by IP address: ``weight/<host>.json`` in the configuration folder has those of
    all data directories of the user.
    """

    weight: RateWindowDocument
    """Request weight."""
    orders: list[RateWindowDocument]
    """Orders, by length of the window."""
    blocked_until_ms: UnixMs
    """Until when nothing may be sent; 0 if nothing is blocked."""
    orders_blocked_until_ms: UnixMs
    """Until when no order may be sent."""
    blocked_at_ms: UnixMs = 0
    """When the last block was imposed."""


class DirectoryRecord(ContractModel):
    """``directories/<hash>.json`` in the configuration folder: which history a data directory has."""

    path: str
    """Resolved path of the data directory."""
    directory_id: str
    """Id of its history in checkpoints, 32 hex digits."""
    lost: str | None = None
    """Id of an earlier history that was there and is gone."""


class OwnerUse(ContractModel):
    """``accounts/<venue>-<uid>-<owner>.json`` in the configuration folder: where an owner of orders was last."""

    machine: str
    """Digest of the machine's id."""
    directory: str
    """Resolved path of the data directory."""
    device: str
    """Device of the data directory, as text."""
    inode: str
    """Inode of the data directory, as text."""
    seq: Annotated[int, Field(ge=0), NO_UNIT]
    """Number of the owner's last event."""
    occurred_at: Timestamp
    """When it happened."""


class RoomPreferences(ContractModel):
    """``room.json`` in the configuration folder: what the room remembers of its user."""

    theme: str | None = None
    """Name of the theme."""


class ImportedFile(ContractModel):
    """A file of another installation, kept unchanged in ``files`` beside the manifest."""

    name: str
    """Its path relative to the installation."""
    kind: str
    """What it was taken for: events, chain, snapshot, settings, health, account … or unknown."""
    size: Bytes
    """Its length."""
    sha256: str
    """SHA-256 of its content, 64 hex digits."""


class SkippedFile(ContractModel):
    """What was left where it was."""

    name: str
    """Its path relative to the installation."""
    why: str
    """Why it was left."""


class ImportManifest(ContractModel):
    """``memory/imported/<sha256>/manifest.json``: files of another installation. Its own SHA-256 names the folder."""

    source: str
    """Where the installation was."""
    files: list[ImportedFile]
    """Every file that is kept."""
    skipped: list[SkippedFile] = []
    """What was left where it was."""


class MigrationRecord(ContractModel):
    """``migration/<state>.json``: what a migration changes. Its name says how far it got."""

    created: Timestamp
    """When it was planned."""
    moves: list[str]
    """New files, in the order in which they take their places."""
    removes: list[str]
    """Files that leave; they are kept as originals."""
    backup: dict[str, list[Annotated[int, NO_UNIT] | str]]
    """Every file as it was before: size in bytes, time of its content in nanoseconds, mode, SHA-256."""
    folders: dict[str, Annotated[int, NO_UNIT]]
    """Mode of every folder as it was before."""
    report: dict[str, Any]
    """What the migration tells."""
    after: dict[str, list[Annotated[int, NO_UNIT]]]
    """Every file once it was done: size in bytes, and time of its content in nanoseconds."""
