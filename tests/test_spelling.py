"""American spelling in code, tests, pages and schemas."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [file for folder in ("cq_tui", "docs", "tests") for file in (ROOT / folder).rglob("*")]
FILES = [file for file in [*FILES, *ROOT.glob("*.md")] if file.suffix in (".py", ".md", ".json", ".tcss")]
FILES.remove(Path(__file__))
#: From where a word turns British, in lower case: a search that begins with any letter takes 20 seconds.
_BRITISH = re.compile(
    r"(?:cancell(?!ation)|realis(?!t)|(?:author|canonical|capital|final|general|initial|minim|maxim|memor|normal"
    r"|optim|organ|priorit|random|recogn|sanit|serial|special|standard|summar|synchron|util|visual)is(?:e|ing|ation)"
    r"|analys(?!is|t)|colour|behaviour|favour|flavour|honour|neighbour|labell|modell|signall|travell|catalogue|licence"
    r"|centre|defence|artefact|fulfil\b|judgement|whilst|\bgrey|\btowards\b)\w*"
)
#: Two words in one name, Python's own names, and a field of ``state/trader.json`` that users have.
_EXCEPTIONS = re.compile(r'CancelList|CancelledError|\.cancelled\(\)|\.cancelling\(\)|"realised"')


@pytest.mark.parametrize("text", ["cancelled", "unrealised", "colour", "serialisation", "Behaviour"])
def test_british_spelling_is_found(text: str) -> None:
    assert _BRITISH.search(text.lower())


def test_spelling_is_american() -> None:
    found = [
        (str(file.relative_to(ROOT)), word)
        for file in FILES
        for word in _BRITISH.findall(_EXCEPTIONS.sub("", file.read_text(errors="replace")).lower())
    ]
    assert not found
