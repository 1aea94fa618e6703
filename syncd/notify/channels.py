"""Further services, by the library Apprise (github.com/caronc/apprise): `pip install 'syncd[channels]'`.

Its addresses hold tokens and passwords, and it says on its log what it sent where, so nothing of its log is let out: a message
that failed is told by where the address is kept.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from syncd.notify.settings import Channel
from syncd.notify.undelivered import Undelivered
from syncd.notify.words import Telling, cut, quiet, story, title

LIBRARY: Final = "apprise"
MISSING: Final = "this needs one more package: pip install 'syncd[channels]'"
_IN_THE_CLEAR: Final = {"json": "jsons", "xml": "xmls", "form": "forms", "mailto": "mailtos"}
"""Ways of Apprise without TLS, and the ones with it."""


def is_installed() -> bool:
    """Say whether the library is there."""
    return find_spec(LIBRARY) is not None


def send_to_channel(channel: Channel, telling: Telling, *, timeout_s: float) -> None:
    """Send a message by Apprise.

    Raises:
        Undelivered: it was not taken.
        SecretUnreadable: the address cannot be read.
    """
    address = channel.url.read().strip()
    _check(address, channel)
    library = _library()
    asset = library.AppriseAsset(
        async_mode=False, storage_mode="memory", service_timeout=timeout_s, allow_templates=False
    )
    service = library.Apprise(asset=asset)
    if not service.add(address):
        raise Undelivered(f"{channel.url}: Apprise knows no service with such an address", again=False)
    message = telling.whole
    kind = library.NotifyType.FAILURE if message.firing else library.NotifyType.SUCCESS
    text = quiet(cut(story(message)))
    if not service.notify(
        body=text, title=quiet(title(message)), notify_type=kind, body_format=library.NotifyFormat.TEXT
    ):
        raise Undelivered(f"{channel.url}: the service did not take it, or gave no answer", again=True)


def _check(address: str, channel: Channel) -> None:
    scheme, sign, rest = address.partition("://")
    if not sign or not rest or any(c.isspace() for c in address):
        raise Undelivered(f"{channel.url}: one address of Apprise is wanted here, such as msteams://...", again=False)
    secure = _IN_THE_CLEAR.get(scheme.lower())
    if secure and not channel.insecure:
        why = f"{scheme.lower()}:// is in the clear; write {secure}://, or insecure = true where the network is yours"
        raise Undelivered(f"{channel.url}: {why}", again=False)


def _library() -> Any:
    if not is_installed():
        raise Undelivered(MISSING, again=False)
    library = import_module(LIBRARY)
    log = logging.getLogger(LIBRARY)
    log.propagate, log.disabled = False, True
    return library
