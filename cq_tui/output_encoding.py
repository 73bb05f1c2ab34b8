"""What standard output and standard error can show, and ASCII twins for the rest.

``CQ_ASCII`` (anything but 0) asks for ASCII only. So does the Linux console (``TERM=linux``), whose font lacks most
signs, and a terminal whose locale names another encoding than UTF-8: over SSH that locale may not exist here, and
Python assumes UTF-8 then. Otherwise the stream's own encoding decides, sign by sign.
"""

import codecs
import io
import os
import sys
from collections.abc import Mapping

#: The error handler: replaces what a stream cannot encode.
TWINS = "cq-tui-twins"
#: The ASCII codec under another name: command line libraries distrust a stream called ASCII and write UTF-8 to it.
_ASCII = "cq-tui-ascii"


def wants_ascii(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether only ASCII is to be shown, whatever the stream's encoding."""
    if chosen := environment.get("CQ_ASCII"):
        return chosen != "0"
    return is_terminal and (environment.get("TERM") == "linux" or not _names_unicode(environment))


def _names_unicode(environment: Mapping[str, str]) -> bool:
    """Whether the locale names UTF-8, or no encoding; ``en_US.ISO-8859-1@euro`` names one."""
    names = (environment.get(variable) for variable in ("LC_ALL", "LC_CTYPE", "LANG"))
    _, point, encoding = next(filter(None, names), "").partition(".")
    return not point or encoding.partition("@")[0].lower() in ("utf-8", "utf8")


def is_unicode(encoding: str | None) -> bool:
    """Whether every sign can be shown in this encoding."""
    try:
        return codecs.lookup(encoding or "ascii").name in ("utf-8", "utf-8-sig")
    except LookupError:
        return False


def holds_ascii(encoding: str | None) -> bool:
    """Whether ASCII and its control codes are the same bytes in this encoding: a terminal needs that."""
    try:
        return "\x1b[0m A~".encode(encoding or "ascii") == b"\x1b[0m A~"
    except LookupError:
        return False


def use_twins(environment: Mapping[str, str] | None = None) -> None:
    """Let no output of this process fail because of its encoding, from now on."""
    variables = os.environ if environment is None else environment
    codecs.register(_find_codec)
    codecs.register_error(TWINS, _replace_by_twins)
    for stream in (sys.stdout, sys.stderr):
        # Closed streams are None; tests put other objects there.
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = (
                wants_ascii(variables, is_terminal=stream.isatty()) or codecs.lookup(stream.encoding).name == "ascii"
            )
            stream.reconfigure(encoding=_ASCII if is_ascii else stream.encoding, errors=TWINS)


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != _ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode,
        found.decode,
        incrementalencoder=found.incrementalencoder,
        incrementaldecoder=found.incrementaldecoder,
        name=_ASCII,
    )


def _replace_by_twins(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from cq_tui.ascii_twins import to_ascii

    refused = error.object[error.start : error.end]
    try:
        # Bytes of a file name that is no text: the name as it is.
        return refused.encode("ascii", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return to_ascii(refused).encode("ascii"), error.end
