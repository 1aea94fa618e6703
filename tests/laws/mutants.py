"""Ways to break the product on purpose, one at least for each law: each must be found.

mutant                                     | law
-------------------------------------------|------
grants of another hand are taken           | a
a group that was read in part counts whole | b
an end of a binding is not kept            | c, d
nothing is ever taken                      | d
calls are not written down                 | e
a lease is not looked at                   | e
what got no answer stays open              | f
a pass stumbles over itself                | g
a limit holds nothing back                 | h
what was rejected is taken all the same    | i
a pause stops nothing                      | j
a role for a time has no end               | k
a role that administers needs no mark      | l
an older database is believed              | m
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import moves
import operators
from moves import Move

import syncd.directory.join
import syncd.mapping.compile
import syncd.mapping.granted
import syncd.mapping.when
import syncd.plan.diff
import syncd.reconcile.deployment
import syncd.reconcile.guarding
import syncd.reconcile.look
import syncd.store.changes
import syncd.store.entries
import syncd.store.installation
import syncd.store.leases
import syncd.store.pauses
from syncd.model import GrantState, Members, Rule, TimedGrant
from syncd.plan.guard import Guarded

Mutant = tuple[Any, str, Callable[..., Any]]
_diff, _record_call = syncd.plan.diff.diff, syncd.store.changes.record_call
_rule_of = syncd.mapping.granted.rule_of


def _takes_all(*args: Any, deployment: Any, **more: Any) -> Any:
    return _diff(*args, deployment=replace(deployment, remove_manual_grants=True), **more)


def _keeps_all(_have: Any, loses: frozenset[str], **_: Any) -> frozenset[str]:
    return loses


def _goes(plan: Any, *_: Any, **__: Any) -> Guarded:
    return Guarded(plan.changes)


def _unwritten(connection: Any, change: int, call: str, **more: Any) -> int:
    return _record_call(connection, change, call.replace("/", "|"), **more)


def _stumbles(*_: Any, **__: Any) -> Any:
    raise TypeError("a defect")


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _has_no_end(grant: TimedGrant, _now: datetime) -> GrantState:
    return GrantState.ACTIVE if grant.given else GrantState.WAITING


def _endless(grant: TimedGrant) -> Rule:
    return replace(_rule_of(grant), until=None)


def _heeds_nothing(plan: Any, _: Any) -> Any:
    return plan, ()


FAVOURITES: Final[dict[str, tuple[Move, ...]]] = {
    "grants of another hand are taken": (moves.by_hand, moves.works, moves.works),
    "a group that was read in part counts whole": (moves.source_lies, moves.works, moves.works, moves.joins),
    "an end of a binding is not kept": (moves.a_line_comes, moves.works, moves.works, moves.sleeps),
    "a lease is not looked at": (moves.is_overtaken, moves.joins),
    "what got no answer stays open": (moves.joins, moves.leaves, moves.works, moves.works),
    "a limit holds nothing back": (moves.is_emptied, moves.joins, moves.works, moves.works),
    "what was rejected is taken all the same": (moves.is_emptied, moves.joins, moves.is_ruled, moves.works),
    "a pause stops nothing": (moves.is_paused, moves.joins, moves.leaves, moves.works),
    "a role for a time has no end": (moves.is_lent, moves.works),
    "an older database is believed": (
        *(operators.copy_is_made, operators.copy_is_put_back, operators.copy_is_put_back),
        *(moves.starts, moves.starts, moves.joins, moves.leaves, moves.leaves),
        *([moves.works] * 6),
    ),
    "a role that administers needs no mark": (moves.a_line_comes, moves.joins, moves.works),
}
"""Moves by which a mutant is found sooner than by all there are."""

FIRST_SEEDS: Final = {"a lease is not looked at": 7}
"""Where to begin with a mutant that the first seeds do not find: each of them takes seconds."""


MUTANTS: Final[dict[str, tuple[str, tuple[Mutant, ...]]]] = {
    "grants of another hand are taken": ("a", ((syncd.reconcile.look, "diff", _takes_all),)),
    "a group that was read in part counts whole": (
        "b",
        ((syncd.directory.join, "_members", lambda group, _saved: Members(group)),),
    ),
    "an end of a binding is not kept": (
        "cd",
        tuple((module, "is_over", lambda *_, **__: False) for module in (syncd.mapping.compile, syncd.mapping.when)),
    ),
    "nothing is ever taken": ("d", ((syncd.plan.diff, "_keep", _keeps_all),)),
    "calls are not written down": ("e", ((syncd.store.changes, "record_call", _unwritten),)),
    "a lease is not looked at": ("e", ((syncd.store.leases, "confirm", _nothing),)),
    "what got no answer stays open": ("f", ((syncd.reconcile.deployment, "settle", _nothing),)),
    "a limit holds nothing back": ("h", ((syncd.reconcile.guarding, "guard", _goes),)),
    "what was rejected is taken all the same": ("i", ((syncd.reconcile.look, "without_rejected", _heeds_nothing),)),
    "a pause stops nothing": (
        "j",
        ((syncd.store.pauses, "let", _nothing), (syncd.store.pauses.DatabasePauses, "standing", lambda _: ())),
    ),
    "a role for a time has no end": (
        "k",
        (
            (TimedGrant, "state", _has_no_end),
            (syncd.mapping.granted, "rule_of", _endless),
        ),
    ),
    "an older database is believed": (
        "m",
        tuple((syncd.store.installation.DatabaseInstallation, name, _nothing) for name in ("doubt", "notice")),
    ),
    "a role that administers needs no mark": ("l", ((syncd.reconcile.guarding, "_privileged", _nothing),)),
    "a pass stumbles over itself": ("g", ((syncd.reconcile.look, "know_dags", _stumbles),)),
}


@contextmanager
def broken(mutant: str) -> Iterator[str]:
    """Break the product for as long as the context lasts; gives the laws that must notice, one letter each."""
    laws, places = MUTANTS[mutant]
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, wrong in places:
        setattr(module, name, wrong)
    try:
        yield laws
    finally:
        for module, name, right in before:
            setattr(module, name, right)
