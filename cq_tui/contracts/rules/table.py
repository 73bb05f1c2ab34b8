"""Every rule by its code: how severe breaking it is, what it demands, and what to do."""

from typing import Final, Literal, NamedTuple

Severity = Literal["error", "warning"]


class Rule(NamedTuple):
    """One rule."""

    severity: Severity
    demand: str
    remedy: str


_REWRITE = "Its service writes it anew: restart that service, or move the file away"
_FIX = "Correct the file, or move it away and let its service write a new one"
_VERIFY = "Run `cq-tui verify`; `cq-tui acknowledge` lists the faults of the history"
_SETTINGS = "Correct it with `cq-tui config set`, or with an editor"
_LINE = "Keep the file as it is; readers leave the line out"
_COPY = "Get the file from its source again"


def _error(demand: str, remedy: str) -> Rule:
    return Rule("error", demand, remedy)


def _warning(demand: str, remedy: str) -> Rule:
    return Rule("warning", demand, remedy)


_FILES: dict[str, Rule] = {
    "file.kind": _error("a file is a regular file, and no link", "Move it away"),
    "file.readable": _error("a file can be read", "Check its owner and permissions"),
    "file.empty": _error("a document is not empty", _REWRITE),
    "file.too_large": _error("a document is small enough for its readers", "Move it away"),
    "file.sparse": _error("a file holds what its size says", "Move it away"),
    "file.changing": _warning("a file stands still long enough to be read", "Validate again later"),
    "file.mode": _warning("files with secrets are closed to others", "Run chmod 600 on it"),
    "file.unknown": _warning("a file's kind is known", "Name it with --kind, or another folder"),
}
_JSON: dict[str, Rule] = {
    "json.syntax": _error("a file is JSON (RFC 8259)", _FIX),
    "json.encoding": _error("JSON is written in UTF-8", "Convert it to UTF-8"),
    "json.byte_order_mark": _error("JSON has no byte-order mark", "Save it as UTF-8 without a byte-order mark"),
    "json.depth": _error("JSON is not nested so deeply that readers refuse it", _FIX),
    "json.duplicate_key": _error("a key stands once in its object", "Delete all but the one that is meant"),
    "json.huge_number": _warning("whole numbers are below 2^64, or readers change them", "Write such a number as text"),
    "json.object": _error("a document is one JSON object", _FIX),
    "line.too_long": _error("a line is at most 1 MiB long", _LINE),
    "line.torn": _warning("a file of lines ends with a line feed", "Its writer moves the rest to quarantine"),
    "line.carriage_return": _warning("lines end with a line feed alone", "Convert the line ends, unless it is chained"),
}
_SCHEMA: dict[str, Rule] = {
    f"schema.{keyword}": _error(f"each file fits its schema ({keyword})", _FIX)
    for keyword in (
        "type",
        "required",
        "enum",
        "const",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "additionalProperties",
    )
}
_HEALTH: dict[str, Rule] = {
    "health.ok_without_stream": _error("a feeder that is ok is connected (ws_connected)", _REWRITE),
    "health.ok_without_rest": _error("a feeder that is ok reaches the REST API (rest_api_ok)", _REWRITE),
    "health.symbols_count": _error("symbols_count is at most the number of symbols", _REWRITE),
    "health.ok_without_feeder": _error("ARES is ok only if feeder_health_ok", _REWRITE),
    "health.ok_without_ares": _error("a trader that is ok has ares_health_ok", _REWRITE),
    "health.ok_without_balance": _warning("a trader that is ok has account_balance_ok", _REWRITE),
    "health.chain_length": _error("chain_length is at most events_count + 1", _REWRITE),
    "health.ok_without_integrity": _error("memory is not ok with integrity_ok false", _VERIFY),
    "health.later_than_report": _warning("nothing happened after the report that tells it", "Check the clock"),
    "health.ahead": _warning("a report is not dated ahead of the clock", "Check the clock"),
    "health.stale": _warning("the health of a running service is fresh", "See its log; restart it if it hangs"),
    "peers.feeder": _error("feeder_health_ok agrees with health/feeder.json", "See the log of ARES"),
    "peers.ares": _error("ares_health_ok agrees with health/ares.json", "See the log of the trader"),
    "peers.memory": _error("a trader is not ok while memory reports damage", _VERIFY),
    "peers.quarantine": _error("health and account name the same quarantined symbols", "See the log of the trader"),
}
_HISTORY: dict[str, Rule] = {
    "event.time_back": _error("event times never go back", _VERIFY),
    "event.line": _error("each line of events is one", _LINE),
    "event.id_repeated": _error("event ids are unique", _VERIFY),
    "chain.fault": _error("the hash chain is valid", _VERIFY),
    "chain.missing": _error("no event that was chained or signed is missing", _VERIFY),
    "chain.unchained": _warning("each event has its block", "Start memory: it continues the chain"),
    "chain.gap": _warning("no number of a writer is missing", _VERIFY),
    "chain.lost": _warning("the history is the one known here", _VERIFY),
    "chain.index": _error("blocks count from 0 without a gap", _VERIFY),
    "chain.link": _error("each block repeats the hash of the one before", _VERIFY),
    "chain.hash": _error("each block matches its hash", _VERIFY),
    "chain.time_back": _error("block times never go back", _VERIFY),
    "chain.length": _error("chain_length is the number of blocks", _VERIFY),
    "checkpoint.damaged": _error("entries of the log are signed notes", _VERIFY),
    "checkpoint.time_back": _error("checkpoint times never go back", _VERIFY),
    "checkpoint.size_back": _error("later checkpoints cover no fewer events", _VERIFY),
}
_OTHERS: dict[str, Rule] = {
    "snapshot.name": _error("snapshot_id is the file's name", "Rename the file to that"),
    "snapshot.base": _error("the base of an incremental snapshot exists and is earlier", "Use a full snapshot"),
    "snapshot.hash": _error("a snapshot matches its content_hash", "Move it away and use another"),
    "settings.unknown": _warning("each name is a setting", _SETTINGS),
    "settings.value": _error("each value is valid", _SETTINGS),
    "settings.spelling": _warning("values have the types of the schema", _SETTINGS),
    "spool.line": _error("lines of a spool are whole events with their checksum", "Memory keeps it in quarantine"),
    "kline.line": _error("lines are klines whose prices are in order", "Readers leave the line out"),
    "kline.aligned": _error("a kline begins at a multiple of its interval and closes before the next", _LINE),
    "kline.order": _error("klines are in order of time", "Move the file away; the feeder fetches them again"),
    "ledger.line": _error("lines of the ledger are those of the simulated exchange", "Move it away: a new account"),
    "log.line": _warning("lines of a log are JSON objects of their kind", "Nothing: it is told for completeness"),
    "signal.line": _error(
        "lines of taken signals name an event of ARES", "ARES leaves it out; that id may count again"
    ),
    "input.line": _error("lines of recorded inputs are those of the trader", "Nothing: no service reads them"),
    "command.id": _error("command_id is the file's name", "Move it away"),
    "command.times": _error("a command expires, and is answered, after it was issued", "Move it away"),
    "proof.holds": _error("a proof holds", "Make the proof again with `cq-tui prove`"),
    "bundle.overall": _error("overall_status is as bad as the worst component", "Make a new bundle"),
    "bundle.integrity": _error("chain_valid and the health of memory agree", "Make a new bundle"),
    "bundle.order": _error("recent_events are in order, each once", "Make a new bundle"),
    "version.newer": _error("the data version is known here", "Install a newer cq-tui"),
    "version.older": _warning("the data directory has the version of this program", "Run `cq-tui migrate`"),
    "version.interrupted": _error("a migration is finished or undone", "Run `cq-tui migrate`, or with --undo"),
    "import.manifest": _error("the manifest of an import is the one that names its folder", _VERIFY),
    "import.left_out": _warning(
        "the originals of an import are all there",
        "Nothing, if this came from a backup without keys; one made with --with-keys holds them",
    ),
    "import.file": _error("the originals of an import are unchanged", "Restore them from a backup"),
}
RULES: Final[dict[str, Rule]] = {**_FILES, **_JSON, **_SCHEMA, **_HEALTH, **_HISTORY, **_OTHERS}
