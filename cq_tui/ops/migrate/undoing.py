"""Undoing a migration: every file as it was, unless a service has recorded something since."""

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.exclusive import MigrationRefused, locked, remove_locks
from cq_tui.ops.migrate.plan import DONE, PLAN, UNDONE, Plan, Staging, fingerprints


def undo(data: DataDir, *, even_if_changed: bool = False) -> list[str]:
    """Bring back what was there before the last migration; return what else had changed since, and is lost.

    Raises MigrationRefused, LockHeld, DocumentError or OSError.
    """
    staging = Staging(data)
    if not staging.folder.is_dir():
        raise MigrationRefused(f"{data.root}: there is no migration to undo")
    with locked(data):
        plan, lost = _undo(staging, even_if_changed=even_if_changed)
    if plan is not None and data.run.name not in plan.folders:
        remove_locks(data, root_too="." not in plan.folders)
    return lost


def _undo(staging: Staging, *, even_if_changed: bool) -> tuple[Plan | None, list[str]]:
    data = staging.data
    if staging.state() is None:
        # What never committed is removed; the migration before it counts again.
        staging.discard()
    state = staging.state()
    if state is None:
        raise MigrationRefused(f"{data.root}: there is no migration to undo")
    if state == UNDONE:
        staging.undo()
        return None, []
    plan = staging.read(state)
    lost = _changed_since(data, plan) if state == DONE else []
    if state == DONE:
        _refuse_loss(staging, lost, even_if_changed=even_if_changed)
    if state in (PLAN, DONE) and (damaged := staging.damaged_copy(plan)):
        raise MigrationRefused(f"{staging.backup / damaged} is missing or damaged: without it nothing can be undone")
    staging.undo()
    return plan, lost


def _refuse_loss(staging: Staging, lost: list[str], *, even_if_changed: bool) -> None:
    """Raise MigrationRefused if undoing would lose what a service recorded, or what a person changed."""
    if by_services := [name for name in lost if _is_of_services(name)]:
        raise MigrationRefused(
            f"a service has run here since the migration: {by_services[0]} was written. What it recorded would be "
            f"lost, so nothing is undone. The files as they were are in {staging.backup}"
        )
    if lost and not even_if_changed:
        raise MigrationRefused(
            f"changed since the migration, and lost by undoing it: {', '.join(lost[:10])}. With --yes it is undone "
            "all the same"
        )


def _changed_since(data: DataDir, plan: Plan) -> list[str]:
    now = fingerprints(data)
    return sorted(name for name in {*now, *plan.after} if now.get(name) != plan.after.get(name))


def _is_of_services(name: str) -> bool:
    """Whether only services, or their supervisor, write this file."""
    folder, _, file = name.partition("/")
    if folder == "memory":
        return not (file.startswith("spool/") and file.split("/")[-1].startswith(("cli-", "room-")))
    if folder == "logs":
        return not file.startswith("room-")
    if folder == "state":
        return file not in ("settings.json", "settings_in_force.json", "trading_state.json")
    return folder in ("health", "exchange", "market")
