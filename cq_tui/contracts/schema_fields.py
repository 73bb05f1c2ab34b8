"""What a schema says about each field beside its type: title, meaning, unit."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.shared_fields import SHARED_FIELDS

Schema = dict[str, Any]


def parts_of(schema: Schema, title: str) -> Iterator[tuple[str, Schema]]:
    """Return a schema, named ``title``, and its definitions."""
    return iter(((title, schema), *schema.get("$defs", {}).items()))


def describe_fields(schema: Schema, model: type[ContractModel]) -> None:
    """Give every field of a model's schema a title, a meaning and a unit, as far as the model says them."""
    models = _models(ContractModel)
    for title, part in parts_of(schema, model.__name__):
        part["description"] = _plain(part["description"])
        texts = attribute_docs(models[title]) if "properties" in part else {}
        for field, rule in part.get("properties", {}).items():
            rule.setdefault("title", field.replace("_", " ").capitalize())
            if text := texts.get(field) or SHARED_FIELDS.get(field):
                rule["description"] = _plain(text)
            if unit := _take_unit(rule):
                rule["unit"] = unit


def in_words(name: str) -> str:
    """Return ``FeederHealth`` as "Feeder health"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize().replace("Ares", "ARES")


@cache
def attribute_docs(model: type[ContractModel]) -> dict[str, str]:
    """Return the docstring under each field of a model, read from its source: it is not needed at run time."""
    models = [each for each in reversed(model.__mro__) if issubclass(each, ContractModel)]
    trees = [ast.parse(textwrap.dedent(inspect.getsource(each))) for each in models]
    docs = {}
    for field, text in itertools.chain(*(itertools.pairwise(cast(ast.ClassDef, tree.body[0]).body) for tree in trees)):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            docs[cast(ast.Name, field.target).id] = inspect.cleandoc(str(text.value.value))
    return docs


def inner_schemas(rule: Schema) -> Iterator[Schema]:
    """Return the schemas that a field's own consists of, itself first; what it refers to is another's."""
    yield rule
    for key in ("anyOf", "oneOf", "allOf"):
        for each in rule.get(key, ()):
            yield from inner_schemas(each)
    for key in ("items", "additionalProperties"):
        if isinstance(rule.get(key), dict):
            yield from inner_schemas(rule[key])


def is_number(rule: Schema) -> bool:
    """Whether a schema is that of a number."""
    return rule.get("type") in ("number", "integer")


def _plain(docstring: str) -> str:
    return " ".join(docstring.replace("``", "`").split())


def _take_unit(rule: Schema) -> str | None:
    """Return the unit that the parts of a field name, and take it from them; None if it is missing or not one."""
    inner = list(inner_schemas(rule))
    units = {each.pop("unit") for each in inner if "unit" in each}
    if not units and not any(map(is_number, inner)):
        return "none"
    return units.pop() if len(units) == 1 else None


def _models(base: type[ContractModel]) -> dict[str, type[ContractModel]]:
    found = {base.__name__: base}
    for model in base.__subclasses__():
        found |= _models(model)
    return found
