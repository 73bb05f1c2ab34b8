"""JSON Schemas (2020-12) of every kind of file: ``from cq_tui.schemas import feeder_health_schema``.

Each is a plain dictionary, read from its file when it is first asked for. The files are written from the models of
``cq_tui/contracts`` by ``make schemas``; nothing here imports those. ``index.json`` lists all kinds.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

_END = "_schema"


def __getattr__(name: str) -> dict[str, Any]:
    """Return the schema that is imported by this name. Raises AttributeError for any other name."""
    kind = next((kind for kind in kinds() if name == import_name(kind)), None) if name.endswith(_END) else None
    if kind is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=__name__)
    return load_schema(kind)


def __dir__() -> list[str]:
    return sorted([*globals(), *map(import_name, kinds())])


@cache
def load_schema(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of file, always the same dictionary. Raises KeyError for an unknown kind."""
    if kind not in kinds():
        raise KeyError(kind)
    return _read(f"{kind}.schema.json")


@cache
def load_index() -> dict[str, Any]:
    """Return the content of ``index.json``: each kind with its file, id, title, version and paths."""
    return _read("index.json")


def kinds() -> tuple[str, ...]:
    """Return every kind of file that has a schema."""
    return tuple(entry["kind"] for entry in load_index()["schemas"])


def import_name(kind: str) -> str:
    """Return the name by which a schema is imported: ``feeder_health_schema`` for ``health_feeder``."""
    service = kind.removeprefix("health_")
    return kind + _END if service == kind else f"{service}_health{_END}"


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(files(__name__).joinpath(name).read_bytes())
    return content
