"""A terminal of characters, colors and a cursor, to see what a stream of bytes leaves on the screen."""

import re

from rich.cells import get_character_cell_size

_SEQUENCE = re.compile(r"\x1b\[([?>]?)([\d;]*)(\$?[A-Za-z])|\x1b[>=]|\x1b\][^\x1b\x07]*(?:\x07|\x1b\\)")


class ScreenGrid:
    """Cells of (text, style); a wide character's second cell holds no text, and half of one is blank."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[(" ", "")] * width for _ in range(height)]
        self._x = self._y = 0
        self._style = ""

    @property
    def text(self) -> str:
        """The lines, as they can be read."""
        return "\n".join("".join(text for text, _ in line) for line in self.cells)

    def feed(self, output: str) -> None:
        """Take what a program wrote."""
        position = 0
        while position < len(output):
            if sequence := _SEQUENCE.match(output, position):
                self._obey(sequence)
                position = sequence.end()
                continue
            self._put(output[position])
            position += 1

    def _obey(self, sequence: re.Match[str]) -> None:
        private, numbers, final = sequence.groups()
        if final == "H":
            self._y, self._x = (int(number or 1) - 1 for number in (numbers or "1;1").split(";"))
        elif final == "m" and not private:
            self._style = "" if numbers in ("", "0") else numbers

    def _put(self, character: str) -> None:
        if character == "\n":
            self._y += 1
            return
        width = get_character_cell_size(character)
        line = self.cells[self._y]
        for x in range(self._x, self._x + width):
            self._break_wide(line, x)
        line[self._x : self._x + width] = [(character, self._style), ("", self._style)][:width]
        self._x += width

    @staticmethod
    def _break_wide(line: list[tuple[str, str]], x: int) -> None:
        if not line[x][0]:
            line[x - 1] = (" ", line[x - 1][1])
        elif x + 1 < len(line) and not line[x + 1][0]:
            line[x + 1] = (" ", line[x + 1][1])
