"""`syncd recover`: say which is true, where the database may not be the one that was worked with last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from syncd.callers import REASON_RULE, acting, is_reason
from syncd.cli.invocation import WAIT_S, Invocation, invocation
from syncd.cli.output import show, show_text
from syncd.cli.recover_words import end_grants as ended_grants
from syncd.cli.recover_words import standing_words, word_lines
from syncd.render.lines import Line, Style, counted, few, safe

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.ports import DatabaseDoubt, Truth
    from syncd.store import Stores

LOOK_S = 0.2
"""How long to wait until it is looked again whether another writer is done."""


def recover(
    context: typer.Context,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="The database is right: what it says is syncd's is so.")
    ] = False,
    begin_anew: Annotated[
        bool,
        typer.Option(
            "--begin-anew", help="Nothing of before is syncd's; what a mapping line gives becomes so again by itself."
        ),
    ] = False,
    doubt: Annotated[
        bool, typer.Option("--doubt", help="You restored an older copy: take nothing until it was looked at.")
    ] = False,
    end_grants: Annotated[
        bool, typer.Option("--end-grants", help="With either: end every role that is given for a time.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With either: what people said that counts by it still holds.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="For the journal: why.")] = None,
) -> int:
    """Show why the database is in doubt and what that holds back, or say which is true.

    A database that is an older copy, a new one or another one says of things that they are syncd's which may be so no more. So
    nothing is taken from anybody until you say which is true."""
    from syncd.errors import EXIT_DONE, EXIT_HELD
    from syncd.ports import Truth

    if as_it_is + begin_anew + doubt > 1:
        raise typer.BadParameter("say one of --as-it-is, --begin-anew and --doubt")
    if reason is not None and not is_reason(reason):
        raise typer.BadParameter(f"write {REASON_RULE}", param_hint="--reason")
    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        if doubt:
            store.installation.say_doubt(_said(reason))
        elif as_it_is or begin_anew:
            truth = Truth.AS_IT_IS if as_it_is else Truth.BEGIN_ANEW
            return _answer(this, store, truth, reason=reason or "", words=_WordsOf(end_grants, yes))
        found = store.installation.doubt()
        if found is None:
            show_text(f"{store.database.place} is the one that was worked with last; there is nothing to say of it")
            return EXIT_DONE
        show(_shown(found, settings, store, this))
        return EXIT_HELD


def _said(reason: str | None) -> str:
    from syncd.store.processes import os_user

    return f"{os_user()} said so{f': {reason}' if reason else ''}"


class _WordsOf(NamedTuple):
    """What is said of the words that people said before: grants are ended, the others still hold."""

    end_grants: bool
    yes: bool


def _agreed(store: Stores, settings: Settings, words: _WordsOf) -> bool:
    """Ask whether what people said still holds, as it may have been taken back after the copy was made.

    Raises:
        ConfigInvalid: nobody can be asked, and nothing was said of it.
    """
    from syncd.cli.confirm import answered_yes, at_terminal
    from syncd.errors import ConfigInvalid, Problem

    found = standing_words(store, settings)
    if words.end_grants:
        found.pop("grants", None)
    if not found or words.yes:
        return True
    show(word_lines(found))
    if at_terminal():
        return answered_yes("Does all of it still hold? [y/N] ")
    how = "end what holds no more (grant revoke, resume, hold reopen, alarms unsilence), then say --yes"
    how += "; --end-grants ends all roles that are given for a time" if "grants" in found else ""
    raise ConfigInvalid([Problem("recover", 0, 0, f"what people said may have been taken back since this copy: {how}")])


def _answer(this: Invocation, store: Stores, truth: Truth, *, reason: str, words: _WordsOf) -> int:
    from syncd.cli.grant import grant_word
    from syncd.errors import EXIT_DONE, EXIT_HELD, ConfigInvalid, Problem
    from syncd.ports import Truth
    from syncd.store.processes import os_user

    if store.installation.doubt() is None:
        why = f"{store.database.place} is not in doubt, so there is nothing to say of it; if you know better: recover --doubt"
        raise ConfigInvalid([Problem("recover", 0, 0, why)])
    if not _agreed(store, this.settings(), words):
        show_text(
            "nothing was said; end what does not hold any more (grant revoke, resume, hold reopen, rollout skip), then come back"
        )
        return EXIT_HELD
    with _alone(store):
        if words.end_grants:
            show_text(f"{counted(ended_grants(store, grant_word()), 'grant', 'grants')} ended")
        store.installation.recover(truth, by=acting(os_user(), reason=reason))
    then = (
        "what the database says is syncd's is so"
        if truth is Truth.AS_IT_IS
        else "nothing of before is syncd's; what a mapping line gives becomes so again with the next pass"
    )
    show_text(f"{then}; see what that changes with: {this.program} plan")
    if store.installation.trouble:
        show_text(f"nothing is remembered outside of the database: {store.installation.trouble}")
    return EXIT_DONE


@contextmanager
def _alone(store: Stores) -> Iterator[None]:
    """Let no pass be at work anywhere: it would own by what was said before."""
    from syncd.errors import DeploymentBusy

    deadline = monotonic() + WAIT_S
    with ExitStack() as stack:
        for name in store.installation.owners():
            while True:
                try:
                    stack.enter_context(store.leases.take(name))
                    break
                except DeploymentBusy:
                    if monotonic() >= deadline:
                        raise
                    sleep(LOOK_S)
        yield


# --- what is shown ------------------------------------------------------------------------------------------------------


def _shown(found: DatabaseDoubt, settings: Settings, store: Stores, this: Invocation) -> Iterator[Line]:
    yield Line(f"{store.database.place} is in doubt since {found.since:%Y-%m-%d %H:%M} UTC", Style.FAIL)
    yield Line(f"  {safe(found.why)}", Style.WARN)
    yield Line("Nothing is taken from anybody until you say which is true. By what it says is syncd's now:")
    for deployment in settings.deployments:
        yield from _of_deployment(deployment.deployment.name, store)
    yield from word_lines(standing_words(store, settings))
    yield Line(f"1. See what would be taken by it: {this.program} plan")
    yield Line("2. If nobody else gave or took anything since the time of this copy, it is right:")
    yield Line(f"     {this.program} recover --as-it-is --reason TEXT")
    yield Line(
        "   If you do not know, or it is a new one: nothing of before is syncd's, and what a mapping line gives becomes so again."
    )
    yield Line("   Who left meanwhile keeps what they have; look for them by hand:")
    yield Line(f"     {this.program} recover --begin-anew --reason TEXT")
    yield Line("   Or put the newer database back; then there is nothing to say.")


def _of_deployment(name: str, store: Stores) -> Iterator[Line]:
    from syncd.model import key

    owned, held, seen = store.holdings.owned(name), store.queries.held(name), store.looks.last(name)
    given = [(who, role) for who, roles in sorted(owned.grants.items()) for role in sorted(roles)]
    accounts, roles = counted(len(owned.users), "account", "accounts"), counted(len(owned.roles), "role", "roles")
    yield Line(f"  {name}: {accounts}, {roles} and {counted(len(given), 'grant', 'grants')}")
    if seen is not None:
        there = {key(who): user.roles for who, user in seen.users.items()}
        gone = [f"{role} of {who}" for who, role in given if role not in there.get(key(who), frozenset())]
        at = f"{seen.people_at:%Y-%m-%d %H:%M} UTC"
        if gone:
            yield Line(f"    not there when it was looked last, at {at}: {safe(few(gone))}", Style.WARN)
    if held is not None:
        yield Line(
            f"    held: {counted(len(held.held.changes), 'change', 'changes')}, digest {held.digest}", Style.WARN
        )
