"""A hint for keys that a keyboard of another layout types: the room's keys are Latin letters."""

import unicodedata
from collections.abc import Container

#: Seconds between two hints.
HINT_INTERVAL = 5.0


def layout_hint(character: str | None, keys: Container[str]) -> str | None:
    """Return what to say about a key that did nothing; None if the keyboard explains nothing.

    ``keys`` are the keys that do something. Latin layouts have letters with accents too, and all of Latin-1 (ª, µ).
    """
    if character is None or len(character) != 1 or not character.isprintable():
        return None
    if character.isascii():
        is_capital = character.isupper() and character not in keys and character.lower() in keys
        return f"Is Caps Lock on? {character.lower()} is a key, {character} is none" if is_capital else None
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    is_typed = category[0] == "L" or category == "Nd" or name.startswith("FULLWIDTH ")
    if not is_typed or character <= "\xff" or name.startswith("LATIN "):
        return None
    return f"These keys are Latin letters: switch the keyboard layout (you typed {character})"
