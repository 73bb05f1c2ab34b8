"""The language of every filter: words, ``!`` for not, ``re:`` for a pattern, ``column:value``, ``profit:<0``.

All terms must hold. Text is compared without case. A text in double quotes is one word.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from cq_tui.room.sorting import number_in

#: Values of a row by the names of their columns, in lower case; "" is all that words and patterns are looked for in.
Values = Mapping[str, str]

_MOST_RECENT = 50
_TERM = re.compile(r'(!?)(?:([^\s":]+):)?("[^"]*"?|\S+)?')
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
}


class Term(NamedTuple):
    """One condition."""

    matches: Callable[[Values], bool]
    is_inverse: bool = False


class Filter(NamedTuple):
    """A filter as it was understood."""

    terms: tuple[Term, ...] = ()
    #: What is wrong with a pattern that cannot be used; it counts as a word meanwhile.
    problem: str = ""

    def matches(self, values: Values) -> bool:
        """Whether a row is shown."""
        return all(term.matches(values) != term.is_inverse for term in self.terms)


def parse_filter(text: str, columns: Collection[str]) -> Filter:
    """Return the filter that a text means for a list with these columns.

    A name before a colon that is no column belongs to the word: ids have colons.
    """
    terms, problem = list[Term](), ""
    for match in _TERM.finditer(text):
        mark, name, value = match.groups()
        value = (value or "").strip('"')
        if name and name.casefold() == "re":
            condition, fault = _pattern(value)
            problem = problem or fault
        elif name and (column := _column(name, columns)):
            if not value:
                # Its value is still to be typed.
                continue
            condition = _in_column(column, value)
        else:
            word = f"{name}:{value}" if name else value
            if not word:
                continue
            condition = _word(word)
        terms.append(Term(condition, mark == "!"))
    return Filter(tuple(terms), problem)


def _column(name: str, columns: Collection[str]) -> str | None:
    """Return the column with this name, or the only one that begins with it."""
    wanted = name.casefold()
    if wanted in columns:
        return wanted
    found = [column for column in columns if column.startswith(wanted)]
    return found[0] if len(found) == 1 else None


def _word(word: str) -> Callable[[Values], bool]:
    needle = word.casefold()
    return lambda values: needle in values.get("", "").casefold()


def _in_column(column: str, wanted: str) -> Callable[[Values], bool]:
    compare, bound = _COMPARISONS.get(wanted[0]), number_in(wanted[1:])
    if compare is not None and bound is not None:

        def holds(values: Values) -> bool:
            value = number_in(values.get(column, ""))
            return value is not None and compare(value, bound)

        return holds
    needle = wanted.casefold()
    return lambda values: needle in values.get(column, "").casefold()


def _pattern(text: str) -> tuple[Callable[[Values], bool], str]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        return _word(text), f"re:{text} is no pattern: {error}"
    return (lambda values: pattern.search(values.get("", "")) is not None), ""


class ListFilter:
    """The filter of one list, as it was typed last."""

    def __init__(self, columns: Collection[str]) -> None:
        """``columns`` are the names that may stand before a colon, in lower case."""
        self._columns = columns
        self._parsed = Filter()
        self.text = ""

    def set(self, text: str) -> None:
        """Filter by another text."""
        self.text = text.strip()
        self._parsed = parse_filter(self.text, self._columns)

    @property
    def is_on(self) -> bool:
        """Whether anything is asked for."""
        return bool(self._parsed.terms)

    @property
    def note(self) -> str:
        """What a title says of it: the text, or what is wrong with it."""
        return self._parsed.problem or self.text

    def shows(self, values: Values) -> bool:
        """Whether a row is shown."""
        return self._parsed.matches(values)


class RecentFilters:
    """The filters that were kept lately, for all lists."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._place = 0

    def keep(self, text: str) -> None:
        """Note a filter that was kept; the next step back finds it first."""
        if text:
            self._texts = [*(one for one in self._texts if one != text), text][-_MOST_RECENT:]
        self._place = len(self._texts)

    def step(self, step: int) -> str:
        """Return the filter so many steps later than the last one, earlier if negative; empty after the end."""
        self._place = max(0, min(len(self._texts), self._place + step))
        return self._texts[self._place] if self._place < len(self._texts) else ""
