"""What an address must be: asked when a configuration is read, and again of what a secret turns out to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from syncd.http.connection import is_loopback

if TYPE_CHECKING:
    from email.headerregistry import Address

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAILBOX = re.compile(
    rf"""(?:(?P<name>"[^"\\]*"\x20*|[^"\\<>,;:@()\[\]]*)<)?(?P<address>{_ATOMS}@{_DOMAIN})(?(name)>)"""
)
"""Plainer than RFC 5322: Python's parser of it stumbles over some texts."""


def webhook_problem(url: str, *, insecure_http: bool) -> str:
    """Say why nothing can be posted to an address, without repeating it; empty: it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is no address"
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        return "an address such as https://chat.example.com/hooks/... is wanted here"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "an address has only ASCII characters and no blanks; write others as %xx"
    if parts.username is not None:
        return "user name and password are not written into an address; use headers"
    if parts.scheme == "http" and not insecure_http and not is_loopback(parts.hostname):
        return (
            "http:// to another machine shows alarms to everybody on the way: "
            "write https://, or insecure_http = true where the network in between is yours"
        )
    return ""


def mailbox(text: str) -> Address:
    """Read one mail address, with a name in front or without: `syncd <syncd@example.com>`.

    Raises:
        ValueError: it is none, or several.
    """
    from email.headerregistry import Address  # most commands read no mail address

    found = _MAILBOX.fullmatch(text)
    if not found or not text.isprintable():
        raise ValueError('one mail address is wanted here, such as "ops@example.com" or "Ops <ops@example.com>"')
    return Address((found["name"] or "").strip(' "'), addr_spec=found["address"])
