"""A bar that shows, on a terminal, how much is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


@contextmanager
def progress_bar(total: int, word: str, *, in_bytes: bool = True) -> Iterator[Callable[[int], object]]:
    """Yield what is called with the number of further bytes, or of anything else; ``word`` says what is going on."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn(word),
        BarColumn(),
        DownloadColumn() if in_bytes else TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(word, total=total)
        yield lambda size: progress.advance(task, size)


@contextmanager
def counting_bar(word: str) -> Iterator[Callable[[int, int], object]]:
    """Yield what is called with how much is done, and how much there is in all."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _, __: None
        return
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(word, total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)


@contextmanager
def told_progress() -> Iterator[Callable[[int, int], object]]:
    """Yield the same for a process that reads it: it gets ``1200 of 60000`` on standard error, a line a percent."""
    last = -1

    def tell(done: int, whole: int) -> None:
        nonlocal last
        percent = 100 * done // max(whole, 1)
        if percent != last:
            last = percent
            typer.echo(f"{done} of {whole}", err=True)

    yield tell


@contextmanager
def telling(word: str) -> Iterator[Callable[[str], object]]:
    """Yield what is called with what is being done now; ``word`` says what is going on."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(word) as status:
        yield lambda now: status.update(Text(f"{word}: {now}"))
