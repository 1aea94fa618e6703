"""The moves: everything that can happen to an installation, one function each. `MOVES` says how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Final

import operators
from chance import Chance, flip
from court import KNOWN
from installation import DAEMONS, LATER_S, NAMES, TEAMS, Installation
from processes import Lie, Life, Mishap, approve, command, idle_daemon, order, rule, turn
from truth import ROLES, SOURCES, Face, Line, Team

from syncd.control import Order
from syncd.model import Permission
from syncd.plan.rulings import HoldRuling
from syncd.sandbox.airflow import DagFile

Move = Callable[[Installation, Chance], object]
MISHAPS: Final = {
    "write": ("kill", "died", "late", "silent", "refused", "crash", "gateway", "meanwhile", "overtaken", "polls"),
    "read": ("kill", "refused", "crash", "meanwhile", "overtaken", "polls"),
    "commit": ("kill", "fail"),
    "statement": ("kill", "fail"),
    "pause": ("kill", "meanwhile", "overtaken"),
    "source": ("kill", "meanwhile"),
}


def mishaps(chance: Chance) -> list[Mishap]:
    """Choose what goes wrong while a process is at work: mostly nothing, sometimes several things."""
    found: list[Mishap] = []
    while flip(chance, 2) and len(found) < 3:
        kind = chance.choice(tuple(MISHAPS))
        most = {"write": 6, "read": 25, "commit": 30, "statement": 150}.get(kind, 3)
        found.append(Mishap(kind, chance.randrange(1, most), chance.choice(MISHAPS[kind]), chance.randrange(0, 10**6)))
    return [mishap for mishap in found if mishap.what not in KNOWN.values()]


# --- people and groups ------------------------------------------------------------------------------------------------


def person(home: Installation, chance: Chance) -> tuple[str, Face] | None:
    source = chance.choice(SOURCES)
    people = home.truth.sources[source].people
    return (source, people[chance.choice(sorted(people))]) if people else None


def team(home: Installation, chance: Chance) -> tuple[str, str, Team] | None:
    source = chance.choice(SOURCES)
    teams = home.truth.sources[source].teams
    if not teams:
        return None
    id_ = chance.choice(sorted(teams))
    return source, id_, teams[id_]


def joins(home: Installation, chance: Chance) -> None:
    if found := team(home, chance):
        source, id_, it = found
        people = sorted(home.truth.sources[source].people)
        if people:
            some = {chance.choice(people) for _ in range(chance.randrange(1, 3))}
            home.truth.put_team(source, id_, replace(it, sure=it.sure | some))


def leaves(home: Installation, chance: Chance) -> None:
    if (found := team(home, chance)) and found[2].sure:
        source, id_, it = found
        some = {chance.choice(sorted(it.sure)) for _ in range(chance.randrange(1, 3))}
        home.truth.put_team(source, id_, replace(it, sure=it.sure - some))


def is_emptied(home: Installation, chance: Chance) -> None:
    if found := team(home, chance):
        source, id_, it = found
        home.truth.put_team(source, id_, replace(it, sure=frozenset()))


def is_hired(home: Installation, chance: Chance) -> None:
    if len(home.truth.sources["okta"].people) < 14:
        home.hire(chance.choice(NAMES) + str(chance.randrange(0, 3)), both=flip(chance, 2))


def is_suspended(home: Installation, chance: Chance) -> None:
    if found := person(home, chance):
        source, face = found
        home.truth.put(source, replace(face, active=not face.active))


def is_deleted(home: Installation, chance: Chance) -> None:
    if (found := person(home, chance)) and len(home.truth.sources[found[0]].people) > 2:
        home.truth.remove(found[0], found[1].id)


def is_hired_again(home: Installation, chance: Chance) -> None:
    """Somebody is deleted, and comes back with the same login and e-mail, as another person."""
    if found := person(home, chance):
        source, face = found
        home.truth.remove(source, face.id)
        fresh = replace(face, id=home.truth.new_id(source[0]), active=True)
        home.truth.put(source, fresh)


def gets_another_email(home: Installation, chance: Chance) -> None:
    if found := person(home, chance):
        source, face = found
        home.truth.put(source, replace(face, email=f"{face.id}@other.example"))


def takes_an_email(home: Installation, chance: Chance) -> None:
    """Somebody gives themselves the e-mail of somebody else."""
    one, other = person(home, chance), person(home, chance)
    if one and other and one[1].id != other[1].id:
        home.truth.put(one[0], replace(one[1], email=other[1].email))


def group_is_renamed(home: Installation, chance: Chance) -> None:
    if found := team(home, chance):
        source, id_, it = found
        if home.journal.pinned(source, it.name):
            home.truth.put_team(source, id_, replace(it, name=f"was {it.name}"))


def group_is_named_back(home: Installation, chance: Chance) -> None:
    for (source, name), id_ in home.pins.items():
        it = home.truth.sources[source].teams.get(id_)
        if it is not None and it.name != name:
            home.truth.put_team(source, id_, replace(it, name=name))
    _ = chance


def second_group_of_the_name(home: Installation, chance: Chance) -> None:
    source = chance.choice(SOURCES)
    name = chance.choice(TEAMS[source])
    people = sorted(home.truth.sources[source].people)
    if len(home.truth.sources[source].teams) < 6 and people and home.journal.pinned(source, name):
        home.truth.put_team(source, home.truth.new_id("g"), Team(name, frozenset({chance.choice(people)})))


def group_is_deleted(home: Installation, chance: Chance) -> None:
    """A group that is not the first of its name goes; the first ones are what the mapping means."""
    found = team(home, chance)
    if found and found[1] not in home.pins.values():
        home.truth.remove_team(found[0], found[1])


# --- the mapping ------------------------------------------------------------------------------------------------------


def a_line_comes(home: Installation, chance: Chance) -> None:
    source = chance.choice(SOURCES)
    every = sorted(home.sites)
    where = frozenset({chance.choice(every), chance.choice(every)})
    until = home.time.timestamp() + chance.randrange(10, 4000) if flip(chance, 4) else None
    role = chance.choice((*ROLES, "Op"))
    meant = role == "Op" and flip(chance, 2)
    if len(home.truth.lines) < 8:
        line = Line(source, chance.choice(TEAMS[source]), role, where, until, privileged=meant)
        home.truth.lines = (*home.truth.lines, line)
        home.write_mapping()


def a_line_goes(home: Installation, chance: Chance) -> None:
    if len(home.truth.lines) > 1:
        gone = chance.choice(home.truth.lines)
        home.truth.lines = tuple(line for line in home.truth.lines if line is not gone)
        home.write_mapping()


# --- another hand on the servers ----------------------------------------------------------------------------------------


def by_hand(home: Installation, chance: Chance) -> None:
    """Somebody changes something on a server."""
    site = chance.choice(sorted(home.servers))
    server = home.servers[site]
    before = server.holdings()
    chance.choice(HANDS)(home, chance, site)
    home.court.hand(site, before)


def _gives(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    account = state.users[chance.choice(sorted(state.users))]
    role = chance.choice([r for r in sorted(state.roles) if r != "Admin"])
    account.roles.add(role)
    if (
        account.username in home.sites[site].protected
    ):  # where a role can only be exchanged, one that it holds stays as it is
        home.contested.add((site, role))


def _takes(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    account = state.users[chance.choice(sorted(state.users))]
    if account.username != "admin" and account.roles:
        account.roles.discard(chance.choice(sorted(account.roles)))


def _makes_account(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    found = person(home, chance)
    if found and all(a.email != found[1].email for a in state.users.values()) and len(state.users) < 25:
        # A name that is free: every database below an Airflow refuses a second account of exactly one name, and a listing that
        # has one is a table that changes under the read ("it is read again; if that goes on, the pass ends here").
        free = next(name for n in count(len(state.users)) if (name := f"hand{n}") not in state.users)
        state.add_user(free, password="x", email=found[1].email, roles={"Viewer"})


def _deletes_account(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    name = chance.choice(sorted(state.users))
    if name not in {"admin", "breakglass"}:
        del state.users[name]


def _takes_permission(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    role = chance.choice(sorted(ROLES))
    if state.roles.get(role):
        permission = chance.choice(sorted(state.roles[role], key=str))
        state.roles[role].discard(permission)
        home.contested.add((site, role))


def _adds_permission(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    role = chance.choice(sorted(ROLES))
    if role in state.roles:
        state.grant(role, Permission("can_read", "Website"))


def _deletes_role(home: Installation, chance: Chance, site: str) -> None:
    role = chance.choice(sorted(ROLES))
    if role in home.servers[site].state.roles:
        home.servers[site].state.delete_role(role)


def _makes_role(home: Installation, chance: Chance, site: str) -> None:
    state = home.servers[site].state
    state.roles.setdefault(chance.choice(sorted(ROLES)), set())


def _syncs_permissions(home: Installation, chance: Chance, site: str) -> None:
    home.servers[site].state.sync_perm()
    _ = chance


HANDS: Final = (
    _gives,
    _gives,
    _takes,
    _takes,
    _makes_account,
    _deletes_account,
    _takes_permission,
    _adds_permission,
    _deletes_role,
    _makes_role,
    _syncs_permissions,
)


def server_is_down(home: Installation, chance: Chance) -> None:
    server = home.servers[chance.choice(sorted(home.servers))]
    server.down = not server.down


def server_works_off(home: Installation, chance: Chance) -> None:
    home.work_off(chance.choice(sorted(home.servers)))


def dag_comes(home: Installation, chance: Chance) -> None:
    state = home.servers[chance.choice(sorted(home.servers))].state
    if len(state.dags) < 8:
        state.parse(DagFile(f"dag{len(state.dags)}", (chance.choice(("finance", "infra", "daily")),)))


# --- sources and database -----------------------------------------------------------------------------------------------


def source_lies(home: Installation, chance: Chance) -> None:
    source = chance.choice(SOURCES)
    what = chance.choice(("down", "cut", "count", "unknown", "lost", "broken"))
    teams = sorted(home.truth.sources[source].teams)
    some = frozenset(chance.choice(teams) for _ in range(chance.randrange(1, 3))) if teams else frozenset()
    home.lies[source] = Lie(what, some)


def source_is_well(home: Installation, chance: Chance) -> None:
    home.lies.pop(chance.choice(SOURCES), None)


def database_goes(home: Installation, chance: Chance) -> None:
    home.database_away = True
    _ = chance


def database_is_back(home: Installation, chance: Chance) -> None:
    home.database_away = False
    _ = chance


# --- processes ----------------------------------------------------------------------------------------------------------


def starts(home: Installation, chance: Chance) -> None:
    name = chance.choice(DAEMONS)
    if name in home.lives:
        return
    if flip(chance, 2):
        home.journal.forget_holders(_living(home))
    home.start(name, mishaps(chance))


def _living(home: Installation) -> set[tuple[str, int]]:
    lives = [*home.lives.values(), *home.acting]
    return {(lease.name, lease.fence) for life in lives if life.store for lease in life.store.leases._taken}


def stops(home: Installation, chance: Chance) -> None:
    name = chance.choice(DAEMONS)
    if name in home.lives and home.lives[name] not in home.acting:
        home.stop(name)


def is_killed(home: Installation, chance: Chance) -> None:
    name = chance.choice(DAEMONS)
    if name in home.lives and home.lives[name] not in home.acting:
        home.died(home.lives[name])


def works(home: Installation, chance: Chance) -> None:
    """Time passes, and a daemon does what is due."""
    home.time.pass_(chance.choice((1.0, 6.0, 16.0, 16.0, 16.0, 70.0, LATER_S)))
    if (life := idle_daemon(home, chance)) is not None:
        home.run(life, lambda: turn(life), mishaps(chance))


def is_overtaken(home: Installation, chance: Chance) -> None:
    """A daemon stands still in the middle of a pass, for so long that another one does its work."""
    for name in DAEMONS:
        if name not in home.lives:
            home.start(name)
    home.time.pass_(LATER_S)
    if (life := idle_daemon(home, chance)) is not None:
        kind = chance.choice(("write", "write", "write", "read", "pause"))
        stop = Mishap(kind, chance.randrange(1, 4), "overtaken", chance.randrange(0, 10**6))
        home.run(life, lambda: turn(life), [stop])


def sleeps(home: Installation, chance: Chance) -> None:
    """Time passes, and nobody does anything: a machine is asleep."""
    home.time.pass_(chance.choice((10.0, 25.0, 400.0, 4000.0, 90_000.0)))


def is_ordered(home: Installation, chance: Chance) -> None:
    """Somebody orders something, and again, because it takes so long."""
    life, found = idle_daemon(home, chance), person(home, chance)
    if life is None or found is None:
        return
    wanted = chance.choice(
        (
            Order(by="me"),
            Order(by="me", dry_run=True),
            Order(by="me", users=frozenset({found[1].login})),
            Order(by="me", groups=frozenset({"okta:team"})),
            Order(by="me", dags=frozenset({"fin_daily"})),
        )
    )
    for _ in range(chance.randrange(1, 3)):
        home.run(life, lambda: order(life, wanted), mishaps(chance))


def is_approved(home: Installation, chance: Chance) -> None:
    if home.database_away:
        return
    held, life = home.journal.held(), idle_daemon(home, chance)
    if held and life is not None:
        site = chance.choice(sorted(held))
        home.run(life, lambda: approve(life, site, held[site]), mishaps(chance))


def is_ruled(home: Installation, chance: Chance) -> None:
    """Somebody rejects what is held, or has it asked again."""
    if home.database_away:
        return
    life, holds = idle_daemon(home, chance), home.journal.holds("waits", "approved", "rejected")
    if holds and life is not None:
        ruling = HoldRuling.REOPEN if flip(chance, 3) else HoldRuling.REJECT
        hold = chance.choice(holds)
        home.run(life, lambda: rule(life, hold, ruling), mishaps(chance))


def is_commanded(home: Installation, chance: Chance) -> None:
    """Somebody runs `syncd plan` or `syncd apply` from a shell, whatever else is at work."""
    life = Life(home, "command")
    plan = flip(chance, 3)
    home.run(life, lambda: command(life, plan=plan), mishaps(chance))


def is_paused(home: Installation, chance: Chance) -> None:
    operators.is_paused(home, chance, mishaps(chance))


def is_resumed(home: Installation, chance: Chance) -> None:
    operators.is_resumed(home, chance, mishaps(chance))


def is_lent(home: Installation, chance: Chance) -> None:
    operators.is_lent(home, chance, mishaps(chance))


def is_taken_back(home: Installation, chance: Chance) -> None:
    operators.is_taken_back(home, chance, mishaps(chance))


def recovers(home: Installation, chance: Chance) -> None:
    """Every fault ends."""
    home.recover()
    _ = chance


# --- how often ------------------------------------------------------------------------------------------------------------

LIGHT: Final[dict[Move, int]] = {
    joins: 8,
    leaves: 8,
    is_emptied: 1,
    is_hired: 2,
    is_suspended: 4,
    is_deleted: 1,
    is_hired_again: 1,
    gets_another_email: 1,
    takes_an_email: 1,
    group_is_renamed: 1,
    group_is_named_back: 1,
    second_group_of_the_name: 1,
    group_is_deleted: 1,
    a_line_comes: 2,
    a_line_goes: 2,
    by_hand: 8,
    server_is_down: 2,
    server_works_off: 2,
    dag_comes: 1,
    source_lies: 3,
    source_is_well: 4,
}
HEAVY: Final[dict[Move, int]] = {
    database_goes: 1,
    database_is_back: 3,
    starts: 6,
    stops: 1,
    is_killed: 1,
    works: 30,
    is_overtaken: 2,
    sleeps: 2,
    is_ordered: 4,
    is_approved: 3,
    is_ruled: 3,
    is_commanded: 3,
    is_paused: 3,
    is_resumed: 3,
    is_lent: 4,
    is_taken_back: 1,
    operators.end_of_grants_finds_nobody_there: 1,
    operators.copy_is_made: 2,
    operators.copy_is_put_back: 1,
    recovers: 2,
}
MOVES: Final[tuple[Move, ...]] = tuple(move for table in (LIGHT, HEAVY) for move, n in table.items() for _ in range(n))
_NESTED: Final[tuple[Move, ...]] = (
    *(move for move, n in LIGHT.items() for _ in range(n)),
    *([works] * 20),
    *([sleeps] * 4),
    *([is_paused] * 2),
    is_taken_back,
    is_killed,
)


def meanwhile(home: Installation, chance: random.Random) -> None:
    """What happens while a process stands still: a few moves, one of which may be another process at work."""
    for _ in range(chance.randrange(1, 4)):
        move = chance.choice(_NESTED if len(home.acting) < 2 else tuple(LIGHT))
        if move.__name__ not in KNOWN.values():
            home.log(f"      meanwhile {move.__name__}")
            move(home, chance)


def make(home: Installation, move: Move, chance: Chance) -> None:
    """Make one move."""
    if move.__name__ in KNOWN.values():
        return
    home.counts[move.__name__] += 1
    home.log(f"{sum(home.counts.values())} {move.__name__} at {home.time.passed_s:.0f} s")
    move(home, chance)
