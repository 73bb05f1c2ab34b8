"""``rules.md``: what ``cq-tui validate`` demands of files, by the codes of its findings."""

from cq_tui.contracts.rules.table import RULES
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    rows = [[markdown.code(code), rule.severity, rule.demand, rule.remedy] for code, rule in RULES.items()]
    return markdown.page(
        "Rules of validation",
        "Codes stay as they are; a rule that is broken is an error or a warning.",
        markdown.table(["code", "severity", "demand", "remedy"], rows),
    )
