"""Re-reading one document of the data directory: its last good value, and what is wrong with it now."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from cq_tui.store.document import DocumentError, DocumentMissing, FileIdentity, file_identity

Value = TypeVar("Value")


class DocumentReader(Generic[Value]):
    """Follows one document. Reading never raises: an error becomes ``problem``.

    ``parse`` reads the file and returns its value; it may raise DocumentError.
    """

    def __init__(self, path: Path, root: Path, parse: Callable[[Path], Value]) -> None:
        self.path = path
        self.name = str(path.relative_to(root))
        self._parse = parse
        self._identity: FileIdentity | None = None
        #: The last good value; None before the first one, or once the file is gone.
        self.value: Value | None = None
        #: Why the current file cannot be used, beginning with its name.
        self.problem: str | None = None

    def refresh(self, *, notified: bool = False) -> bool:
        """Read the file if it changed; return whether value or problem may differ.

        ``notified``: a watch reported the change. The file is then read even if it looks the same, since two
        replacements may share one timestamp.
        """
        identity = file_identity(self.path)
        if identity == self._identity and not notified:
            return False
        before = (self._identity, self.problem)
        self._identity = identity
        self._read()
        return notified or (identity, self.problem) != before

    def _read(self) -> None:
        try:
            self.value = self._parse(self.path)
            self.problem = None
        except DocumentMissing:
            self.value = None
            self.problem = None
        except DocumentError as error:
            self.problem = error.describe(self.name)
