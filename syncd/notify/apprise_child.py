"""One message by the library Apprise, in a process of its own: the library reads an answer whole, however long it is.

The process may take so much memory as it has once the library is there, and some; whoever began it ends it when its time is over.
What it is asked comes on standard input, as no address belongs on a command line; what came of it is its exit code.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

LIBRARY: Final = "apprise"
DELIVERED, NOT_TAKEN, NO_SERVICE = 0, 1, 3
ROOM: Final = 128 * 2**20
"""Bytes: more than any message and the answer to it need."""


def deliver(library: Any, asked: Mapping[str, Any]) -> int:
    """Send a message; gives the exit code."""
    log = logging.getLogger(LIBRARY)
    log.propagate, log.disabled = False, True
    asset = library.AppriseAsset(
        async_mode=False, storage_mode="memory", service_timeout=asked["timeout_s"], allow_templates=False
    )
    service = library.Apprise(asset=asset)
    if not service.add(asked["address"]):
        return NO_SERVICE
    kind = library.NotifyType.FAILURE if asked["firing"] else library.NotifyType.SUCCESS
    taken = service.notify(
        body=asked["body"], title=asked["title"], notify_type=kind, body_format=library.NotifyFormat.TEXT
    )
    return DELIVERED if taken else NOT_TAKEN


def _bound(room: int) -> None:
    """Allow no more memory than there is by now, and so much."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # no Linux: then its time is the bound
        return
    most = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> int:
    """Send what standard input says."""
    asked, library = json.load(sys.stdin), import_module(LIBRARY)
    _bound(ROOM)
    return deliver(library, asked)


if __name__ == "__main__":
    sys.exit(main())
