"""``denials.md``: why the trader refuses an order."""

from cq_tui.trading.denial import DenialReason
from cq_tui.trading.limits.table import LIFTED
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    rows = [
        [markdown.code(reason.value), reason.sentence, reason.remedy, "yes" if reason in LIFTED else ""]
        for reason in DenialReason
    ]
    return markdown.page(
        "Denial reasons",
        "When a guardrail refuses an order, the trader records an `order_rejected` event with one of these codes. When "
        "the exchange refuses one, `code` is the exchange's error code, such as -2010. `blocked_by` in "
        "`health/trader.json` lists what blocks every entry now.",
        "Those about appetite are lifted by `DISABLE_ORDER_GUARDRAILS`, except in live mode.",
        markdown.table(["code", "meaning", "what to do", "appetite"], rows),
    )
