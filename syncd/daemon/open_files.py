"""How many files the process may have open, and how many connections with deployments fit in that.

Each deployment keeps a connection, so that a leaver waits for no handshake. Systems begin with a soft limit of 1,024 for the
sake of programs that use select(); this one does not, so it takes what it may have.
"""

from __future__ import annotations

import resource
from typing import Final

ENOUGH: Final = 65_536
RESERVED: Final = 2 * 256 + 96
"""For connections to both listeners (`web.timeouts`), the database, sources, webhooks, files that are read, and the rest."""


def take_all() -> int:
    """Raise the limit of open files as far as it may be; gives what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return ENOUGH if soft == resource.RLIM_INFINITY else soft


def connections(limit: int, *, workers: int) -> int:
    """Say how many deployments may keep a connection, besides those that passes have in use."""
    return max(1, limit - RESERVED - workers)
