"""Another installation of syncd that works on the same deployment: noticed by what comes back, told, and not fought.

No server says who wrote to it, and a mark of ours there would prove nothing (docs/decisions/0022). So it is judged by what a look
at everything finds that nobody did who works with this database, since the look before:

what was found, within a week                                               | then most likely
----------------------------------------------------------------------------|------------------------------------------------
a second role beside one of ours (`finance~1`) that another hand made       | another installation: only syncd makes those
in 2 looks, 3 people in all who came to have just what lines newly give     | another installation with the same lines, as a
them, but not by us                                                         | copy of this one that was started elsewhere
in 2 looks, what we gave is gone or what we took is there, and in one of    | another one with other lines, or another tool
them both, or 3 at once                                                     |
anything less                                                               | a person, a login, code: `rivals`, `contested`

A week without any of it, and it is over. While it stands, what is taken from people is left after `YIELD_AFTER` rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from syncd.model import DesiredState, Note, ObservedState, Owned, User
from syncd.words import some

WINDOW: Final = timedelta(days=7)
"""What was found longer ago says nothing any more."""
YIELD_AFTER: Final = 2
"""After so many rounds what another installation takes from people is left as it is; of a person it would be some more."""
LOOKS: Final = 2
"""Once may be chance: a person who cleans up, or who knew of a newcomer before the directory did."""
TOGETHER: Final = 3
_SHOWN: Final = 3

NOTE: Final = "another_installation"
"""The code of the note, and the kind of the alarm."""
STOP = 'stop one of them, or let it look only (`mode = "observe"`)'


class Sign(StrEnum):
    """What was found: `second` roles that we did not make, the `same` as our lines give, or `other` than they do; `little` of
    that, as a person does."""

    SECOND = "second"
    SAME = "same"
    OTHER = "other"
    LITTLE = "little"


@dataclass(frozen=True, slots=True)
class RivalSign:
    """What one look found of a kind: how many things, and some of them in words."""

    kind: Sign
    things: int
    said: str
    at: datetime


def second_roles(observed: ObservedState, seen: frozenset[str] | None, *, at: datetime) -> tuple[RivalSign, ...]:
    """Tell of second roles that another hand made since the last look, which had `seen` these roles; None: there was none."""
    new = sorted(observed.namesakes - seen) if seen is not None else []
    return (RivalSign(Sign.SECOND, len(new), some(new, _SHOWN), at),) if new else ()


def newly_given(
    desired: DesiredState, observed: ObservedState, earlier: DesiredState, owned: Owned, *, built_in: frozenset[str]
) -> Mapping[str, frozenset[str]]:
    """Give by account, as `key` gives it, what lines give since the last look and is there, though not by us.

    Only where an account has all that lines give it and no more: a login or a person gives one role, and seldom the same. What
    a registration gives is one of Airflow's own.
    """
    found = {}
    for name, user in desired.users.items():
        was = earlier.users.get(name)
        have = observed.users.get(name)
        if have is None or have.roles != user.roles or (was is not None and user.roles <= was.roles):
            continue
        new = user.roles - (was.roles if was else frozenset()) - built_in - owned.grants.get(name, frozenset())
        if new:
            found[name] = new
    return found


def done_alike(
    newly: Mapping[str, frozenset[str]], before: Mapping[str, User], *, at: datetime
) -> tuple[RivalSign, ...]:
    """Tell of those who came to have it since the last look, which saw these accounts `before`."""
    names = sorted(name for name, roles in newly.items() if not (name in before and roles & before[name].roles))
    return (RivalSign(Sign.SAME, len(names), some(names, _SHOWN), at),) if names else ()


def undone(gone: Iterable[str], came: Iterable[str], *, at: datetime) -> tuple[RivalSign, ...]:
    """Tell of what another hand took and gave since the last look, in words."""
    took, gave = sorted(gone), sorted(came)
    if not (took or gave):
        return ()
    kind = Sign.OTHER if (took and gave) or len(took) + len(gave) >= TOGETHER else Sign.LITTLE
    parts = [f"took {some(took, _SHOWN)}" if took else "", f"gave {some(gave, _SHOWN)}" if gave else ""]
    return (RivalSign(kind, len(took) + len(gave), " and ".join(filter(None, parts)), at),)


def another_installation(signs: Iterable[RivalSign], *, now: datetime) -> str:
    """Say why another installation most likely works there too; empty: nothing says so."""
    fresh = [sign for sign in signs if now - sign.at < WINDOW]
    return _second(_of(Sign.SECOND, fresh)) or _same(_of(Sign.SAME, fresh)) or _other(fresh)


def note(why: str) -> Note:
    """Tell people of it."""
    return Note(NOTE, why)


def _of(kind: Sign, signs: Iterable[RivalSign]) -> list[RivalSign]:
    return sorted((sign for sign in signs if sign.kind is kind), key=lambda sign: sign.at)


def _second(signs: list[RivalSign]) -> str:
    if not signs:
        return ""
    return (
        f"another installation of syncd works on it too: another hand made {signs[-1].said}, a second role as only syncd makes "
        f"them ({_when(signs)}). To end it, {STOP}"
    )


def _same(signs: list[RivalSign]) -> str:
    people = sum(sign.things for sign in signs)
    if len(signs) < LOOKS or people < TOGETHER:
        return ""
    return (
        "another installation of syncd seems to work on it too, with the same mapping lines, as a copy of this one does that was "
        f"started elsewhere: {people} people had all that lines newly gave them before this one gave it, the last of them "
        f"{signs[-1].said} ({_when(signs)}). To end it, {STOP}"
    )


def _other(fresh: list[RivalSign]) -> str:
    much, signs = _of(Sign.OTHER, fresh), _of(Sign.OTHER, fresh) + _of(Sign.LITTLE, fresh)
    if not much or len(signs) < LOOKS:
        return ""
    signs.sort(key=lambda sign: sign.at)
    return (
        "another installation of syncd with other mapping lines, or another tool, seems to work on it too: between two looks it "
        f"{much[-1].said} ({_when(signs)}). What it undoes is left after {YIELD_AFTER} rounds. To end it, {STOP}, or tell apart "
        "what each does by the `labels` of bindings"
    )


def _when(signs: list[RivalSign]) -> str:
    looks = "once" if len(signs) == 1 else f"in {len(signs)} looks"
    return f"{looks} within a week, the last at {signs[-1].at:%Y-%m-%d %H:%M} UTC"
