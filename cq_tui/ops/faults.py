"""The faults of the history that stand, for whoever wants to accept one."""

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.render import printable
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.history.faults import fault_id


def open_faults(data: DataDir) -> dict[str, str]:
    """Return the faults by their short names, as memory last wrote them; none without a memory."""
    try:
        faults = read_json(data.state_of("memory")).get("faults")
    except DocumentError:
        return {}
    return {fault_id(str(fault)): printable(str(fault)) for fault in faults} if isinstance(faults, list) else {}
