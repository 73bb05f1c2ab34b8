"""``denials.md``: why the trader refuses an order."""

from cq_tui.trading.denial import DenialReason
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    rows = [
        [markdown.code(reason.value), reason.sentence, reason.remedy, "yes" if reason.is_soft else ""]
        for reason in DenialReason
    ]
    return markdown.page(
        "Denial reasons",
        "A guardrail that refuses an order records an `order_rejected` event whose `code` is one of these reasons. "
        "Reasons that block all trading are in `blocked_by` of `health/trader.json` as well.",
        "Soft guardrails are those that `DISABLE_ORDER_GUARDRAILS` turns off, except in live mode.",
        markdown.table(["code", "meaning", "what to do", "soft"], rows),
    )
