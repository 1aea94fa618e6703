"""What people who run syncd say and do, as moves: pauses, roles for a time, and what they let pass or refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from chance import Chance, flip
from installation import Installation
from processes import Life, Mishap, idle_daemon, spoken

from syncd.access.granting import GrantRefused, GrantWish
from syncd.control import NotNow
from syncd.errors import StoreError
from syncd.model import GrantWord, Paused
from syncd.model.labels import NAME

BY: Final = "somebody"
LENT: Final = ("User", "Op")
"""Roles that may be given for a time: those of Airflow itself, as what is given ends with a role that no line gives any more."""


def is_paused(home: Installation, chance: Chance, mishaps: list[Mishap]) -> None:
    """Somebody says that nothing shall be changed, or nothing taken, somewhere, until a moment or until they say otherwise."""
    site = chance.choice(sorted(home.sites))
    label, value = chance.choice((("", ""), ("env", home.sites[site].env), (NAME, site), (NAME, site)))
    of = Paused(label, value, removals_only=flip(chance, 2))
    ends = None if flip(chance, 3) else home.time.now() + timedelta(seconds=chance.choice((20, 400, 3000)))
    if len(home.journal.pauses()) < 3:
        spoken(home, lambda store: store.pauses.pause(of, until=ends, reason="a freeze", by=BY), mishaps)


def is_resumed(home: Installation, chance: Chance, mishaps: list[Mishap]) -> None:
    """Somebody ends a pause before its time."""
    if standing := home.journal.pauses():
        number = chance.choice(sorted(standing))
        spoken(home, lambda store: store.pauses.resume(number, by=BY), mishaps)


def is_lent(home: Installation, chance: Chance, mishaps: list[Mishap]) -> None:
    """Somebody is given a role for a time."""
    life = idle_daemon(home, chance)
    people = sorted(home.truth.sources["okta"].people)
    if life is None or not people or home.database_away or len(home.lent) > 12:
        return
    who, role, site = chance.choice(people), chance.choice(LENT), chance.choice(sorted(home.sites))
    lasts = timedelta(seconds=chance.choice((60, 300, 1000, 4000)))
    wish = GrantWish(f"okta:{who}", role, site, lasts, "an incident")
    home.run(life, lambda: _lend(home, life, wish), mishaps)


def _lend(home: Installation, life: Life, wish: GrantWish) -> None:
    assert life.daemon is not None
    asked_at = home.time.now()
    try:
        life.daemon.grants.ask(wish, GrantWord(BY, "here", asked_at))
    except (GrantRefused, NotNow, StoreError) as error:
        home.log(f"    not given: {error}")
    finally:  # whoever dies here may have written it down
        home.lent = home.journal.lent(home.lent)
        home.court.lent |= {(one.site, one.who, one.role) for one in home.lent}


def is_taken_back(home: Installation, chance: Chance, mishaps: list[Mishap]) -> None:
    """Somebody ends a role for a time before its end."""
    if there := [lent for lent in home.lent if not lent.revoked]:
        lent = chance.choice(there)
        word = GrantWord(BY, "here", home.time.now())
        spoken(home, lambda store: store.grants.end(lent.number, word, "no need any more"), mishaps)
        home.lent = home.journal.lent(home.lent)


def end_of_grants_finds_nobody_there(home: Installation, chance: Chance) -> None:
    """All daemons die, and the end of every role for a time comes while nobody runs."""
    if home.acting:
        return
    for name in tuple(home.lives):
        home.died(home.lives[name])
    ends = [lent.until for lent in home.lent if lent.until > home.time.timestamp()]
    home.time.pass_(max([60.0, *(end - home.time.timestamp() + 1 for end in ends)]))
    _ = chance


def copy_is_made(home: Installation, chance: Chance) -> None:
    if not home.acting and not home.database_away:
        home.make_copy()
    _ = chance


def copy_is_put_back(home: Installation, chance: Chance) -> None:
    """Somebody puts an older copy of the database back."""
    if home.copy is not None and not home.acting and home.is_older(home.copy):
        home.put_back(home.copy)
    _ = chance


def resume_all(home: Installation) -> None:
    """End every pause, as somebody does once all is well."""
    for number in sorted(home.journal.pauses()):
        spoken(home, lambda store, number=number: store.pauses.resume(number, by=BY))  # type: ignore[misc]
