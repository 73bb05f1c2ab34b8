"""The details of a row as lines: names in one column, values wrapped under themselves."""

from textual.content import Content
from textual.widgets import Static

from cq_tui.room.detail_content import DetailContent
from cq_tui.room.wrapping import wrap_text

#: The widest column of names, and that of a narrow sheet.
_NAMES, _NARROW_NAMES = 22, 16
_NARROW = 60


class FieldSheet(Static):
    """Shows details; laid out again only when they or the width changed."""

    def __init__(self) -> None:
        super().__init__(classes="fields", markup=False)
        self._shown: tuple[DetailContent, int] | None = None

    def show(self, content: DetailContent) -> None:
        """Show these details."""
        width = self.content_size.width
        if (content, width) != self._shown:
            self._shown = content, width
            lines = [line for name, value in content.fields for line in _field_lines(name, value, width)]
            self.update(Content("\n").join(lines))


def _field_lines(name: str, value: str, width: int) -> list[Content]:
    """Lay out a name and its value. Width 0: not known yet."""
    if not name:
        return [Content(line) for line in wrap_text(value, width)] if width else [Content(value)]
    names = _NAMES if width >= _NARROW else _NARROW_NAMES
    label = f"{name:<{names - 1}} "
    if not width:
        return [Content.assemble((label, "$muted"), value)]
    start, *rest = wrap_text(value, width - len(label))
    return [Content.assemble((label, "$muted"), start), *(Content(" " * len(label) + line) for line in rest)]
