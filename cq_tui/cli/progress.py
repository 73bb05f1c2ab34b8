"""A bar that shows, on a terminal, how many bytes are done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int, word: str) -> Iterator[Callable[[int], object]]:
    """Yield what is called with the number of further bytes; ``word`` says what is going on."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn(word), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(word, total=total)
        yield lambda size: progress.advance(task, size)
