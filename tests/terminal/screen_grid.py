"""A terminal of characters, styles and a cursor: what a stream of bytes leaves on the screen, and what it has shown."""

import codecs
import re

from rich.cells import get_character_cell_size

_SEQUENCE = re.compile(
    r"\x1b\[([?>=<]?)([\d;:]*)[ -/]*([@-~])"
    r"|\x1b[\]PX^_][^\x1b\x07]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
)
#: A sequence that the next bytes complete; longer ones are none.
_UNFINISHED = re.compile(r"\x1b(?:\[[?>=<]?[\d;:]{0,32}[ -/]*|[\]PX^_][^\x1b\x07]{0,4096}\x1b?)?\Z")

Cell = tuple[str, str]
_BLANK: Cell = (" ", "")


class ScreenGrid:
    """Cells of (text, style); a wide character's second cell holds no text, and half of one is blank."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self.cells = [[_BLANK] * width for _ in range(height)]
        self._x = self._y = 0
        self._style = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._written = False
        #: Every line that was written, in the state in which the cursor left it.
        self._shown: dict[str, None] = {}

    @property
    def text(self) -> str:
        """The lines, as they can be read."""
        return "\n".join(map(_line_text, self.cells))

    @property
    def shown(self) -> str:
        """All lines that were written since they were forgotten."""
        return "\n".join([*self._shown, *([_line_text(self.cells[self._y])] if self._written else [])])

    def forget(self) -> None:
        """Forget what was shown."""
        self._shown.clear()
        self._written = False

    def feed(self, data: bytes) -> None:
        """Take what a program wrote."""
        output, position = self._rest + self._decode(data), 0
        while position < len(output):
            if output[position] != "\x1b":
                self._put(output[position])
                position += 1
            elif sequence := _SEQUENCE.match(output, position):
                self._obey(sequence)
                position = sequence.end()
            elif _UNFINISHED.match(output, position):
                break
            else:
                position += 1
        self._rest = output[position:]

    def _obey(self, sequence: re.Match[str]) -> None:
        private, numbers, final = sequence.groups()
        if final == "H" and not private:
            row, column = (numbers or "1;1").split(";")
            self._leave_line()
            self._y, self._x = min(int(row), len(self.cells)) - 1, int(column) - 1
        elif final == "m" and not private:
            self._style = "" if numbers in ("", "0") else numbers

    def _leave_line(self) -> None:
        if self._written:
            self._shown[_line_text(self.cells[self._y])] = None
        self._written = False

    def _put(self, character: str) -> None:
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._leave_line()
            self._y += 1
            if self._y == len(self.cells):
                self.cells = [*self.cells[1:], [_BLANK] * self._width]
                self._y -= 1
        elif width := get_character_cell_size(character):
            self._place(character, width)

    def _place(self, character: str, width: int) -> None:
        if self._x + width > self._width:
            self._put("\r")
            self._put("\n")
        line = self.cells[self._y]
        for x in range(self._x, self._x + width):
            self._break_wide(line, x)
        line[self._x : self._x + width] = [(character, self._style), ("", self._style)][:width]
        self._x += width
        self._written = True

    @staticmethod
    def _break_wide(line: list[Cell], x: int) -> None:
        if not line[x][0]:
            line[x - 1] = (" ", line[x - 1][1])
        elif x + 1 < len(line) and not line[x + 1][0]:
            line[x + 1] = (" ", line[x + 1][1])


def _line_text(line: list[Cell]) -> str:
    return "".join(text for text, _ in line)
