"""What ``cq-tui backup`` and ``restore`` say."""

from collections.abc import Mapping

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.make import Backup
from cq_tui.ops.backup.restore import Restored, earlier_directories
from cq_tui.ops.formatting import format_datetime, pluralize
from cq_tui.store.checkpoints.consistency import format_signing_time

#: Files that are left out for one reason and named.
_NAMED = 5


def backup_lines(made: Backup) -> list[str]:
    """Return what was written."""
    manifest = made.manifest
    size = made.path.stat().st_size / 1e6
    lines = [str(made.path), f"{pluralize(manifest.events, 'event')}, {len(manifest.files)} files, {size:,.1f} MB"]
    if manifest.head.with_keys:
        lines.append("API keys and the key that signs checkpoints are in it: keep it as you keep them")
    else:
        lines.append("no keys and no secrets are in it; `cq-tui backup --with-keys` includes them")
    return lines


def backup_notes(made: Backup) -> list[str]:
    """Return what somebody should look at."""
    notes = _left_out(made.manifest.left_out)
    if not made.is_exact:
        notes.append("the trader wrote all the time: in the backup, the exchange may be a moment ahead of it")
    if made.fault is not None:
        notes.append(f"the history has a fault, in the backup too: {made.fault}. Run `cq-tui verify`")
    return notes


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """Return each reason once, with the first files that it keeps out."""
    notes = []
    for reason in dict.fromkeys(reasons.values()):
        names = [name for name, why in reasons.items() if why == reason]
        notes += [f"{name} is not in the backup: {reason}" for name in names[:_NAMED]]
        if len(names) > _NAMED:
            notes.append(f"nor are {len(names) - _NAMED:,} more files for the same reason; its manifest.json names all")
    return notes


def restore_lines(data: DataDir, done: Restored) -> list[str]:
    """Return what was checked and put in place, and what comes next."""
    head, history = done.unpacked.manifest.head, done.history
    made = f"made {format_datetime(head.created)} by cq-tui {head.written_by}"
    verdict = "its history does not verify" if history.faults else "every file and the whole history verify"
    lines = [f"backup of {pluralize(history.events, 'event')}, {made}: {verdict}"]
    lines += [f"fault: {each}" for each in (*history.faults, *history.known_faults)]
    if done.is_check:
        return [*lines, *_rollback(done), "nothing was put in place"]
    lines.append(f"restored to {data.root}")
    if done.aside is not None:
        lines.append(f"what was there before is {done.aside}; delete it when you no longer need it")
    earlier = [path for path in earlier_directories(data) if path != done.aside]
    lines += [f"an earlier restore left {path}" for path in earlier]
    return [*lines, *_rollback(done), *_next_steps(done)]


def _rollback(done: Restored) -> list[str]:
    history = done.history
    if history.newer is None:
        return []
    signed = f"this computer signed {history.newer.size:,} of them, last {format_signing_time(history.newer)}"
    return [
        f"this is a rollback: {signed}, and the backup lacks {pluralize(history.rolled_back, 'event')}. Memory reports "
        "that as a fault and signs nothing until you accept it once with `cq-tui acknowledge`"
    ]


def _next_steps(done: Restored) -> list[str]:
    steps = []
    if not done.unpacked.manifest.head.with_keys:
        steps.append("no keys were in it: for testnet or live, set them before you start, see `cq-tui config set`")
    if done.key_words is not None:
        steps.append(done.key_words)
    if done.is_signed_elsewhere:
        steps.append(
            "another key signed this history before. Memory reports that as a fault and signs nothing until you accept "
            "it once with `cq-tui acknowledge`"
        )
    steps.append(
        "the trader asks whether this directory may trade the account, unless it lacks nothing that happened since: "
        "then make sure that no other trader uses it, and run `cq-tui accept owner --why TEXT`"
    )
    return steps
