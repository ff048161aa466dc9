"""How far a long count is, as a bar on stderr where somebody is waiting and watching."""

import time
from collections.abc import Iterator

from modelshelf.sdk.session import settings
from modelshelf.sdk.transfers import PATIENCE, is_watched


def counted(total: int, label: str) -> Iterator[int]:
    """The numbers below `total`; once they took their time there is a bar, if a person may be looking there."""
    watched, due = settings().progress and is_watched(), time.monotonic() + PATIENCE
    for number in range(total):
        if watched and time.monotonic() >= due:
            yield from _shown(number, total, label)
            return
        yield number


def _shown(first: int, total: int, label: str) -> Iterator[int]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=total, completed=first)
        for number in range(first, total):
            yield number
            bars.advance(task)
