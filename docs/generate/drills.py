"""``drills.md``: the drills, by their own descriptions."""

from cq_tui.ops.drills.catalog import DRILLS
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    rows = [[markdown.code(drill.name), drill.description, f"{drill.most_naked:g} s"] for drill in DRILLS]
    return markdown.page(
        "Drills",
        "`cq-tui drill NAME` rehearses one of these failures, `cq-tui drill all` every one; "
        "[how they are judged](../operating.md#drills). The last column is how long a position may be without a "
        "working stop.",
        markdown.table(["drill", "what happens, and what has to come of it", "without a stop"], rows),
    )
