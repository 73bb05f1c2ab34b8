"""The base of all contract models: unknown fields are kept, never an error."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cq_tui.contracts.units import (
    BASE,
    BYTES,
    COUNT,
    MILLISECONDS,
    NO_UNIT,
    PRICE,
    QUOTE,
    SECONDS,
    SHARE,
    UNIX_MS,
    UNIX_SECONDS,
)

Status = Literal["ok", "degraded", "error"]
Side = Literal["BUY", "SELL"]

#: Unix seconds. 0.0 means "has not happened yet".
Timestamp = Annotated[float, Field(ge=0, allow_inf_nan=False), UNIX_SECONDS]
Count = Annotated[int, Field(ge=0), COUNT]
#: Below 2^53, integers are exact in every JSON reader. Its unit is the field's.
SafeInteger = Annotated[int, Field(ge=0, lt=2**53)]
#: The exchange's time.
UnixMs = Annotated[SafeInteger, UNIX_MS]
Milliseconds = Annotated[SafeInteger, MILLISECONDS]
SafeCount = Annotated[SafeInteger, COUNT]
#: A position among others, from 0.
Index = Annotated[int, Field(ge=0), NO_UNIT]
#: A byte offset, or a size.
Bytes = Annotated[SafeInteger, BYTES]
#: A duration in seconds.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), SECONDS]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1), SHARE]

QuoteAmount = Annotated[Finite, QUOTE]
BaseAmount = Annotated[Finite, BASE]
Price = Annotated[Finite, PRICE]
PositivePrice = Annotated[Positive, PRICE]


class ContractModel(BaseModel):
    """A JSON object of the data contract. Fields of other versions are kept."""

    # Each process uses only some of the models: a model's validator is built when it is first needed.
    model_config = ConfigDict(extra="allow", frozen=True, ser_json_inf_nan="null", defer_build=True)
