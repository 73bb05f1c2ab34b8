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
        "When a guardrail refuses an order, the trader records an `order_rejected` event with one of these codes. When "
        "the exchange refuses one, `code` is the exchange's error code, such as -2010. `blocked_by` in "
        "`health/trader.json` lists what blocks every entry now.",
        "Soft guardrails are those that `DISABLE_ORDER_GUARDRAILS` turns off; live mode requires them.",
        markdown.table(["code", "meaning", "what to do", "soft"], rows),
    )
