"""Names of accounts: which are one name on every database, and which might be one on some.

User names are looked up by `key()`, because Airflow compares them without regard to case; names that are not surely the
same, and not surely different either, are found by `Lookalikes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from string import ascii_uppercase
from unicodedata import category, normalize

_SMALL = {ord(great): great.lower() for great in ascii_uppercase}


def key(username: str) -> str:
    """Give the form in which two user names are one name on every database below an Airflow: A to Z count as a to z.

    Airflow asks its database for `lower(username) = lower(?)`. More than A to Z is folded by some databases and not by
    others (SQLite: nothing else; PostgreSQL: letters with case; MySQL: accents too), so for more than that see `skeletons`.
    """
    return username.lower() if username.isascii() else username.translate(_SMALL)


_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_IGNORED = frozenset({"Mn", "Me", "Cf", "Cc"})
"""Unicode categories that collations give no weight: accents, and marks that nobody sees."""


@lru_cache(maxsize=100_000)
def skeletons(name: str) -> frozenset[str]:
    """Give what is left of a name without all that some database may ignore: case, accents, width, blanks at the end.

    Two names that share a skeleton may be one name to a database, or two: only the server knows. Most names have one; a
    name with ß has two, because some collations take it for s and others for ss.
    """
    if name.isascii():
        return frozenset({name.lower().rstrip()})
    return frozenset(map(_skeleton, {name, name.replace("ß", "s").replace("ẞ", "s")}))


def is_plain(name: str) -> bool:
    """Say whether the skeleton of a name is its key."""
    return name.isascii() and not name[-1:].isspace()


def _skeleton(name: str) -> str:
    folded = normalize("NFKD", normalize("NFKD", name).casefold())
    return "".join(c for c in folded if category(c) not in _IGNORED).translate(_PLAIN).rstrip()


def nfc(name: str) -> str:
    """Give the form of a name in which accents are composed: two names that differ in that alone look the same."""
    return name if name.isascii() else normalize("NFC", name)


_DRAWN_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονι" + "ıℓ",
    "ABESIJKMHOPCTYXaesijopcyxhdqw" + "ABEZHIKMNOPTYXovi" + "il",
)
"""Letters of Cyrillic and Greek that are drawn as Latin ones, and some that a font may draw so."""


def drawn(name: str) -> str:
    """Give what a reader sees in a name: without case and width, with Latin letters for those that look like them."""
    return (
        name.casefold()
        if name.isascii()
        else normalize("NFKC", normalize("NFKC", name).translate(_DRAWN_ALIKE).casefold())
    )


class Lookalikes:
    """Names by their skeletons: finds those that a database might take for another name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = {}
        for name in names:
            for skeleton in skeletons(name):
                self._names.setdefault(skeleton, []).append(name)

    def __contains__(self, name: str) -> bool:
        return bool(self._names) and not skeletons(name).isdisjoint(self._names)

    def of(self, name: str) -> tuple[str, ...]:
        """Give the names that share a skeleton with this one, sorted."""
        return tuple(sorted({found for skeleton in skeletons(name) for found in self._names.get(skeleton, ())}))
