"""Documents: JSON files replaced atomically, so that a reader sees the old or the new version, never a mix."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, SecretStr, ValidationError

from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

#: Far above any document of ours; a larger file is a mistake and is not read into memory.
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

Model = TypeVar("Model", bound=BaseModel)


#: What changes whenever a file is replaced or written: inode, size, and the times of its content and of its inode.
FileIdentity = tuple[int, int, int, int]


class DocumentError(Exception):
    """A document cannot be used. ``problem`` says what is wrong, ``remedy`` how to fix it."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def describe(self, name: str) -> str:
        """Return problem and remedy in a sentence that begins with the file's name."""
        return f"{name} {self.problem}. {self.remedy}"


class DocumentMissing(DocumentError):
    """The file does not exist (yet)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "does not exist", "It appears once its service has written it")


def read_content(path: Path, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the bytes of a document. Raises DocumentError if it is missing, empty, too large or unreadable."""
    return read_with_owner(path, limit)[0]


def read_with_owner(
    path: Path, limit: int = MAX_DOCUMENT_BYTES, opener: Callable[[Path, int], int] = os.open
) -> tuple[bytes, int]:
    """Return the bytes of a document and the user id that owns it. Raises DocumentError as ``read_content``."""
    try:
        descriptor = opener(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DocumentError(path, "is not a regular file", "Move it away")
            if status.st_size > limit:
                size = f"has {status.st_size:,} bytes, the limit is {limit:,}"
                raise DocumentError(path, size, "Move it away; its service writes a new one")
            content = b""
            while len(content) < status.st_size and (more := os.read(descriptor, status.st_size - len(content))):
                content += more
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise DocumentMissing(path) from None
    except OSError as error:
        raise DocumentError(path, f"cannot be read ({error.strerror})", "Check its owner and permissions") from None
    if not content:
        raise DocumentError(path, "is empty", "Its service rewrites it; if not, restart that service")
    return content, status.st_uid


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a document."""
    return parse_json(path, read_content(path))


def parse_json(path: Path, content: bytes) -> dict[str, Any]:
    """Return the JSON object in the content of a document. Raises DocumentError."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise DocumentError(path, f"is not valid JSON ({error})", "Fix it or move it away") from None
    if not isinstance(value, dict):
        raise DocumentError(path, f"contains a {type(value).__name__}, not an object", "Fix it or move it away")
    return value


def read_document(path: Path, model: type[Model]) -> Model:
    """Return a document as its model. Raises DocumentError with field, rule and value."""
    return parse_document(path, read_content(path), model)


def parse_document(path: Path, content: bytes, model: type[Model]) -> Model:
    """Return the content of a document as its model. Raises DocumentError with field, rule and value."""
    value = parse_json(path, content)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise DocumentError(path, describe_validation_error(error), "Fix it or move it away") from None


def describe_validation_error(error: ValidationError) -> str:
    """Format the first problem of a validation error in one line: field, rule, value."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    value = repr(first["input"]) if not isinstance(first["input"], (dict, list, SecretStr)) else "…"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"field {field!r}: {first['msg'].removeprefix('Value error, ')}, found {value[:80]}{more}"


def document_bytes(value: BaseModel | dict[str, Any]) -> bytes:
    """Serialize for people as well: indented, with a final line feed."""
    plain = value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_document(
    path: Path, value: BaseModel | dict[str, Any] | bytes, *, durable: bool = True, mode: int = 0o600
) -> None:
    """Replace a document atomically, through a temporary file of a fixed name beside it.

    ``durable`` syncs the file before the rename and its folder after; without it (health, tickers) a power loss
    may bring back an older version, never a torn one. On OSError the old version is unchanged.
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
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise
    if durable:
        sync_folder(path.parent)


def file_identity(path: Path) -> FileIdentity | None:
    """Return what tells a file from another one, and from an earlier version; None if it cannot be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
