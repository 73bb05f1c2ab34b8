"""The unit of a field, as a mark on its type: it stands in the schema, and nothing reads it at run time."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

UnitName = Literal[
    "none",
    "count",
    "share",
    "percent",
    "Unix seconds",
    "Unix milliseconds",
    "seconds",
    "milliseconds",
    "microseconds",
    "days since 1970-01-01",
    "bytes",
    "MiB",
    "quote asset",
    "base asset",
    "asset",
    "quote asset per base asset",
]
UNIT_NAMES: tuple[str, ...] = get_args(UnitName)


@dataclass(frozen=True, slots=True)
class Unit:
    """A mark for ``Annotated``. Numbers and amounts in text need one; other types have the unit "none"."""

    name: UnitName

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the keyword ``unit``; pydantic calls this when it makes a schema."""
        return {**handler(core_schema), "unit": self.name}


#: Numbers that only name or number something.
NO_UNIT = Unit("none")
COUNT = Unit("count")
#: 1 is all of it.
SHARE = Unit("share")
PERCENT = Unit("percent")
UNIX_SECONDS = Unit("Unix seconds")
UNIX_MS = Unit("Unix milliseconds")
SECONDS = Unit("seconds")
MILLISECONDS = Unit("milliseconds")
MICROSECONDS = Unit("microseconds")
DAYS = Unit("days since 1970-01-01")
BYTES = Unit("bytes")
MIB = Unit("MiB")
#: Such as USDT of BTCUSDT; of an account, the asset in which its money is counted.
QUOTE = Unit("quote asset")
#: Such as BTC of BTCUSDT.
BASE = Unit("base asset")
#: The asset that another field, or the key of the entry, names.
ASSET = Unit("asset")
PRICE = Unit("quote asset per base asset")
