"""How many connections one process may hold: thousands of loaders keep one or two open each, and do little with it."""

import resource
from typing import Final

MOST: Final = 16_384
OTHER_FILES: Final = 256
"""Descriptors for the database, files and the interpreter."""

WAITING: Final = 4_096
"""Connections that the operating system holds until they are accepted; its own limit may be lower."""


def connections() -> int:
    """Let this process, and those it starts, open as many files as the system lets it; the connections that leaves.

    Beyond it a server accepts nobody, and those that came first are served as ever.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    else:
        wanted = MOST + OTHER_FILES if soft == resource.RLIM_INFINITY else soft
    return max(64, min(MOST, wanted - OTHER_FILES))
