"""Further services, by the library Apprise (github.com/caronc/apprise): `pip install 'syncd[channels]'`.

Its addresses hold tokens and passwords, and it says on its log what it sent where, so nothing of its log is let out: a message
that failed is told by where the address is kept. It works in a process of its own, `apprise_child`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

from syncd.notify import apprise_child
from syncd.notify.settings import Channel
from syncd.notify.undelivered import Undelivered
from syncd.notify.words import Telling, cut, quiet, story, title

MISSING: Final = "this needs one more package: pip install 'syncd[channels]'"
START_S: Final = 20.0
"""So long may the process take beside the time that the service has."""
_IN_THE_CLEAR: Final = {"json": "jsons", "xml": "xmls", "form": "forms", "mailto": "mailtos"}
"""Ways of Apprise without TLS, and the ones with it."""


def is_installed() -> bool:
    """Say whether the library is there."""
    return find_spec(apprise_child.LIBRARY) is not None


def send_to_channel(channel: Channel, telling: Telling, *, timeout_s: float) -> None:
    """Send a message by Apprise.

    Raises:
        Undelivered: it was not taken.
        SecretUnreadable: the address cannot be read.
    """
    address = channel.url.read().strip()
    _check(address, channel)
    if not is_installed():
        raise Undelivered(MISSING, again=False)
    message = telling.whole
    asked = {
        "address": address,
        "title": quiet(title(message)),
        "body": quiet(cut(story(message))),
        "firing": message.firing,
        "timeout_s": timeout_s,
    }
    match _in_child(asked, within_s=timeout_s + START_S):
        case apprise_child.DELIVERED:
            return
        case apprise_child.NO_SERVICE:
            raise Undelivered(f"{channel.url}: Apprise knows no service with such an address", again=False)
        case _:
            raise Undelivered(f"{channel.url}: the service did not take it, or gave no answer", again=True)


def _in_child(asked: Mapping[str, Any], *, within_s: float) -> int:
    """Send a message in a process of its own; gives how it ended."""
    command = [sys.executable, "-m", apprise_child.__name__]
    said = json.dumps(asked).encode()
    null = subprocess.DEVNULL
    try:
        done = subprocess.run(command, input=said, stdout=null, stderr=null, timeout=within_s, check=False)  # noqa: S603 - our own program
    except subprocess.TimeoutExpired:
        return apprise_child.NOT_TAKEN
    return done.returncode


def _check(address: str, channel: Channel) -> None:
    scheme, sign, rest = address.partition("://")
    if not sign or not rest or any(c.isspace() for c in address):
        raise Undelivered(f"{channel.url}: one address of Apprise is wanted here, such as msteams://...", again=False)
    secure = _IN_THE_CLEAR.get(scheme.lower())
    if secure and not channel.insecure:
        why = f"{scheme.lower()}:// is in the clear; write {secure}://, or insecure = true where the network is yours"
        raise Undelivered(f"{channel.url}: {why}", again=False)
