"""``exit-codes.md``: how commands end."""

from cq_tui.contracts.exit_code import RESULTS, ExitCode
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    codes = [[str(code.value), code.meaning] for code in ExitCode]
    results = [
        [markdown.code(f"cq-tui {command}"), "<br>".join(f"{code.value} {text}" for code, text in meanings.items())]
        for command, meanings in RESULTS.items()
    ]
    return markdown.page(
        "Exit codes",
        markdown.table(["code", "meaning"], codes),
        "For these commands, the code is their result:",
        markdown.table(["command", "codes"], results),
    )
