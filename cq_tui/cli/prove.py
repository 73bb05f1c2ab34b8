"""Proofs of the history: ``prove`` writes them, ``check-proof`` checks them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cq_tui.cli.application import app
from cq_tui.cli.errors import fail, report_errors
from cq_tui.cli.options import DataOption, read_data_dir
from cq_tui.contracts.exit_code import ExitCode, describe_results
from cq_tui.contracts.layout import DataDir

if TYPE_CHECKING:
    from cq_tui.contracts.proof import ConsistencyProof, InclusionProof

Proof = TypeVar("Proof", "InclusionProof", "ConsistencyProof")
_STANDARD_OUTPUT = Path("-")


@app.command(short_help="Prove what is in the history.", epilog=describe_results("prove"))
def prove(
    context: typer.Context,
    event_id: Annotated[str | None, typer.Argument(metavar="EVENT_ID", help="Event to prove.")] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since", metavar="CHECKPOINT", help="A saved checkpoint, checkpoints.log, debug bundle or proof."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Output file, or - for standard output (default: named after the event or size).",
        ),
    ] = None,
    data_dir: DataOption = None,
) -> None:
    """Prove that the history contains an event, or that it extends an earlier checkpoint.

    Writes a proof for `cq-tui check-proof`.
    """
    if (event_id is None) == (since is None):
        fail("give either an event id, or a checkpoint with --since", ExitCode.ERROR)
    data = read_data_dir(context, data_dir)
    if event_id is not None:
        _prove_event(data, event_id, output)
    if since is not None:
        _prove_since(data, since, output)


def _prove_event(data: DataDir, event_id: str, output: Path | None) -> None:
    from cq_tui.ops.prove import prove_event

    proof = _make_proof(data, lambda: prove_event(data, event_id))
    _write_proof(proof, output or Path(f"proof_{event_id}.json"))


def _prove_since(data: DataDir, since: Path, output: Path | None) -> None:
    from cq_tui.ops.checkpoint_file import CheckpointFileError, read_checkpoint_file
    from cq_tui.ops.prove import prove_since

    try:
        kept = read_checkpoint_file(since)
    except CheckpointFileError as error:
        fail(error, ExitCode.UNUSABLE)
    proof = _make_proof(data, lambda: prove_since(data, kept.text))
    _write_proof(proof, output or Path(f"proof_since_{proof.old_size}.json"))


def _make_proof(data: DataDir, make: Callable[[], Proof]) -> Proof:
    """Make a proof; when no checkpoint reaches far enough, request one from memory and try once more."""
    import asyncio

    from cq_tui.ops.prove import CannotProve, NotAnchored, request_checkpoint

    with report_errors():
        try:
            try:
                return make()
            except NotAnchored as error:
                if problem := asyncio.run(request_checkpoint(data)):
                    fail(f"{error}. {problem[:1].upper()}{problem[1:]}", ExitCode.FAILED)
                return make()
        except CannotProve as error:
            fail(error, ExitCode.FAILED)


def _write_proof(proof: "InclusionProof | ConsistencyProof", path: Path) -> None:
    """Write a proof and print its path; never overwrite anything but another proof."""
    from cq_tui.ops.check_proof import ProofFileError, read_proof
    from cq_tui.store.document import document_bytes, write_document

    if path == _STANDARD_OUTPUT:
        typer.echo(document_bytes(proof), nl=False)
        return
    with report_errors():
        if path.exists():
            try:
                read_proof(path)
            except ProofFileError:
                fail(f"{path} exists and is not a proof. Choose another --output", ExitCode.UNUSABLE)
        write_document(path, proof)
    typer.echo(path)


@app.command("check-proof", short_help="Check a proof offline.", epilog=describe_results("check-proof"))
def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Proof written by `cq-tui prove`.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="VERIFIER_KEY", help="Key that must have signed (default: the one named in the proof)."
        ),
    ] = None,
) -> None:
    """Check a proof, using nothing but its file, and print what it proves."""
    from cq_tui.ops.check_proof import ProofFileError
    from cq_tui.ops.check_proof import check_proof as check

    try:
        checked = check(file, key)
    except ProofFileError as error:
        fail(error, ExitCode.UNUSABLE)
    typer.echo("\n".join(checked.lines))
    raise typer.Exit(ExitCode.OK if checked.holds else ExitCode.ERROR)
