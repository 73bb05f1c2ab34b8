"""Random hands: what somebody, a cat or a broken terminal may type. The same seed types the same."""

import random
from collections.abc import Callable

_KEYS = [bytes([key]) for key in b"123456tgbHsxrlzp/?\x1b\r\t jkfyncey0ad"]
_ARROWS = [
    b"\x1b[A",
    b"\x1b[B",
    b"\x1b[C",
    b"\x1b[D",
    b"\x1b[H",
    b"\x1b[F",
    b"\x1b[5~",
    b"\x1b[6~",
    b"\x1b[Z",
    b"\x1bOP",
]
_QUESTIONS = [b"t", b"g", b"H", b"x", b"r", b"q", b"\x03", b"\x11"]
_ANSWERS = [b"y", b"n", b"\r", b" ", b"\x1b", b"l", b"o", b"h", b"\x1b[C\r"]
_FILTERS = [b"/btc\r", b"/\x1b", b"/eth", b"/zzz\r\x1b", "/йц\r".encode(), b"/" + b"x" * 300 + b"\r"]
_PASTES = [b"guy", b"Hey", b"tly", b"price 12 \x1b]q", b"xyy\nq\na\n", b"a" * 3000, "йцу\u3164\U000e0041".encode()]
_RAW = [
    b"caf\xe9", b"\xff\xfe\x80", b"\xf0\x9f", b"\x00", b"\x1b[", b"\x1b[999999;1R", b"\x1bP+q\x1b\\",
    b"\x1b]11;rgb:0/0/0\x07", b"\x1b[?1;2c", b"\x9b", b"\x1b\x1b\x1b",
]  # fmt: skip
_LAYOUTS = [letter.encode() for letter in "йцπש１ＴTG"]


class Hands:
    """Chooses what is typed next, as bytes for the terminal."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._kinds: list[tuple[int, Callable[[], bytes]]] = [
            (30, lambda: self._pick(_KEYS)),
            (15, lambda: self._pick(_ARROWS)),
            (10, lambda: self._pick(_QUESTIONS) + self._pick([b"", *_ANSWERS])),
            (8, lambda: self._pick(_FILTERS)),
            (6, lambda: b"".join(self._pick(_KEYS + _ARROWS) for _ in range(self._random.randint(20, 200)))),
            (6, lambda: b"\x1b[200~" + self._pick(_PASTES) + b"\x1b[201~"),
            (4, lambda: self._pick(_PASTES)),
            (6, lambda: self._pick(_RAW)),
            (8, self._mouse),
            (4, lambda: self._pick(_LAYOUTS)),
            (2, lambda: b"\x10" + self._pick([b"theme", b"halt\r", b"key\x1b", b"zoom\r"]) + self._pick(_ANSWERS)),
            (1, lambda: b"qd"),
        ]

    def type(self) -> bytes:
        """Return what is typed next."""
        weights = [weight for weight, _ in self._kinds]
        ((_, make),) = self._random.choices(self._kinds, weights)
        return make()

    def _pick(self, values: list[bytes]) -> bytes:
        return self._random.choice(values)

    def _mouse(self) -> bytes:
        """A press and a release, by the modern protocol or the old one; or the wheel."""
        x, y, button = self._random.randint(1, 220), self._random.randint(1, 60), self._random.choice([0, 0, 2, 64, 65])
        if self._random.random() < 0.2:
            return b"\x1b[M" + bytes([32 + button, min(255, 32 + x), 32 + y])
        return f"\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m".encode()
