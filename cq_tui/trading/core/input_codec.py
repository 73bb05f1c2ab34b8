"""What a core is told as lines of a journal, and back. The first line is the core itself: it goes on from there."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import orjson

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.inputs import Answered, Input, Quote, QuotesSeen
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.tagged import NotTagged, from_tagged, to_tagged

FORMAT: Final = 1


class LineUnreadable(ValueError):
    """A line that tells nothing of this version; the message says why."""


class Beginning(NamedTuple):
    """The first line of a part."""

    #: Of the program that wrote it.
    version: str
    account: str
    #: Which session of a process it is: parts of one session follow each other without a gap.
    session: str
    #: Number of the trader's last event before; what the core decides later has higher ones.
    seq: int
    #: Unix seconds, the exchange's.
    began: float
    core: Core


class Told(NamedTuple):
    """One input, and when the core took it."""

    told: Input
    moment: Moment


def beginning_line(core: Core, version: str, account: str, session: str, seq: int) -> bytes:
    """Return the first line of a part, without its line feed. Raises TypeError if the core has what cannot be told."""
    return orjson.dumps({
        "format": FORMAT,
        "version": version,
        "account": account,
        "session": session,
        "seq": seq,
        **_moment_to_plain(core.situation.moment),
        "core": to_tagged(core, shares=True),
    })  # fmt: skip


def read_beginning(line: bytes) -> Beginning:
    """Read ``beginning_line`` back. Raises LineUnreadable."""
    plain = _object(line)
    if "format" not in plain:
        raise LineUnreadable("is not the first line of a part")
    version = str(plain.get("version"))
    if plain["format"] != FORMAT:
        raise LineUnreadable(f"was written by cq-tui {version}, in a form that this version does not read")
    try:
        core = from_tagged(plain["core"])
        if not isinstance(core, Core):
            raise NotTagged("no core")
        names = str(plain["account"]), str(plain["session"])
        return Beginning(version, *names, int(plain["seq"]), float(plain["exchange_ts"]), core)
    except (NotTagged, KeyError, TypeError, ValueError, IndexError) as error:
        raise LineUnreadable(f"was written by cq-tui {version}, and cannot be read: {error}") from None


class LineWriter:
    """Writes the lines of one part after its first."""

    def __init__(self) -> None:
        self._rules: ExchangeInfo | None = None

    def line(self, told: Input, moment: Moment) -> bytes:
        """Return the line of an input, without its line feed. Raises TypeError if it has what cannot be told."""
        return orjson.dumps(_moment_to_plain(moment) | self._plain(told))

    def _plain(self, told: Input) -> dict[str, Any]:
        if isinstance(told, QuotesSeen):
            return {"quotes": {symbol: _quote_to_plain(quote) for symbol, quote in told.quotes.items()}}
        if isinstance(told, Answered) and isinstance(told.value, ExchangeInfo):
            known, self._rules = self._rules, told.value
            # Read each minute, long, and seldom new.
            if known is not None and replace(known, server_time=told.value.server_time) == told.value:
                return {"same_rules": told.number, "server_time": told.value.server_time}
        return {"told": to_tagged(told)}


class LineReader:
    """Reads the lines of one part after its first."""

    def __init__(self) -> None:
        self._rules: ExchangeInfo | None = None

    def read(self, line: bytes) -> Told:
        """Read what ``LineWriter`` wrote. Raises LineUnreadable."""
        plain = _object(line)
        try:
            return Told(self._told(plain), Moment(float(plain["local_ts"]), float(plain["exchange_ts"])))
        except (NotTagged, KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise LineUnreadable(f"tells no input ({error})") from None

    def _told(self, plain: Mapping[str, Any]) -> Input:
        if (quotes := plain.get("quotes")) is not None:
            return QuotesSeen({symbol: _quote_from_plain(*quote) for symbol, quote in quotes.items()})
        if (number := plain.get("same_rules")) is not None:
            if self._rules is None:
                raise NotTagged("the rules that it refers to are missing")
            return Answered(number, replace(self._rules, server_time=plain["server_time"]))
        told: Input = from_tagged(plain["told"])
        if isinstance(told, Answered) and isinstance(told.value, ExchangeInfo):
            self._rules = told.value
        return told


def _moment_to_plain(moment: Moment) -> dict[str, Any]:
    return {"local_ts": moment.local, "exchange_ts": moment.exchange}


def _quote_to_plain(quote: Quote) -> list[Any]:
    return [str(quote.bid), str(quote.ask), str(quote.last), quote.time]


def _quote_from_plain(bid: str, ask: str, last: str, time: float) -> Quote:
    return Quote(Decimal(bid), Decimal(ask), Decimal(last), float(time))


def _object(line: bytes) -> dict[str, Any]:
    try:
        plain = orjson.loads(line)
    except ValueError:
        plain = None
    if not isinstance(plain, dict):
        raise LineUnreadable("is damaged")
    return plain
