"""The base of all contract models: unknown fields are kept, never an error."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["ok", "degraded", "error"]
Side = Literal["BUY", "SELL"]

#: Unix seconds. 0.0 means "has not happened yet".
Timestamp = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
#: A count or a byte offset: below 2^53, integers are exact in every JSON reader.
SafeInteger = Annotated[int, Field(ge=0, lt=2**53)]
#: A duration in seconds.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class ContractModel(BaseModel):
    """A JSON object of the data contract. Fields of other versions are kept."""

    # Each process uses only some of the models: a model's validator is built when it is first needed.
    model_config = ConfigDict(extra="allow", frozen=True, ser_json_inf_nan="null", defer_build=True)
