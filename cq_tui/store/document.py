"""Documents: one JSON file, replaced atomically, so that a reader sees the old or the new one and never half."""

import os
import stat
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, SecretStr, ValidationError

from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

#: No document of ours comes near this; a larger file is somebody's mistake and is not read into memory.
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

Model = TypeVar("Model", bound=BaseModel)


class DocumentError(Exception):
    """A document cannot be used. ``problem`` says what is wrong, ``remedy`` what a person can do."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def describe(self, name: str) -> str:
        """Return problem and remedy in a sentence that begins with the file's name."""
        return f"{name} {self.problem}. {self.remedy}"


class DocumentMissing(DocumentError):
    """The file is not there (yet)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "is not there yet", "It appears when its service has written it")


def read_content(path: Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the bytes of a document. Raises DocumentError for what cannot be a document of ours."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DocumentError(path, "is not a regular file", "Move it away")
            if status.st_size > limit:
                size = f"holds {status.st_size:,} bytes, more than {limit:,}"
                raise DocumentError(path, size, "Move it away; its service writes a new one")
            content = _read_all(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise DocumentMissing(path) from None
    except OSError as error:
        raise DocumentError(path, f"cannot be read ({error.strerror})", "Check its owner and permissions") from None
    if not content:
        raise DocumentError(path, "is empty", "Its service writes it again; if not, restart that service")
    return content


def _read_all(descriptor: int, size: int) -> bytes:
    """Return ``size`` bytes, or as many as there are."""
    content = os.read(descriptor, size)
    while len(content) < size and (more := os.read(descriptor, size - len(content))):
        content += more
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a document."""
    content = read_content(path)
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise DocumentError(path, f"is not valid JSON ({error})", "Correct it or move it away") from None
    if not isinstance(value, dict):
        raise DocumentError(path, f"holds a {type(value).__name__}, not an object", "Correct it or move it away")
    return value


def read_document(path: Path, model: type[Model]) -> Model:
    """Return a document as its model. Raises DocumentError naming field, value and rule."""
    value = read_json(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise DocumentError(path, describe_validation_error(error), "Correct it or move it away") from None


def describe_validation_error(error: ValidationError) -> str:
    """Say the first problem of a validation error in one line: field, rule, value."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    value = repr(first["input"]) if not isinstance(first["input"], (dict, list, SecretStr)) else "…"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"field {field!r}: {first['msg'].removeprefix('Value error, ')}, found {value[:80]}{more}"


def document_bytes(value: BaseModel | dict[str, Any]) -> bytes:
    """Serialise for a person's eyes as well: indented, with a final line feed."""
    plain = value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_document(
    path: Path, value: BaseModel | dict[str, Any] | bytes, *, durable: bool = True, mode: int = 0o600
) -> None:
    """Replace a document through one fixed temporary name beside it.

    ``durable`` syncs the file before and its folder after the rename; without it (health, tickers) a power loss
    may bring back an older version, never a torn one. Raises OSError; the old version then still stands.
    """
    content = value if isinstance(value, bytes) else document_bytes(value)
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = open_regular(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)
