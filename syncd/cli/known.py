"""What questions are answered from: the database, or a file that was exported of one, and the files on this machine. Nobody is
asked over the network."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli.invocation import Invocation, chosen
from syncd.render.lines import Line, Style, safe
from syncd.words import some

if TYPE_CHECKING:
    from syncd.access.known import KnownDeployment, LastKnown, Noted, SourcesSaid, Unasked
    from syncd.access.standing import Standing
    from syncd.config import Settings
    from syncd.directory.narrow import DirectoryView
    from syncd.model import PersonKey, Rules, Snapshot
    from syncd.ports import HeldPlan
    from syncd.store import Stores


@dataclass(frozen=True, slots=True)
class Answering:
    """What one question is answered from: the files, the people, the deployments, and the time."""

    settings: Settings
    rules: Rules
    view: DirectoryView
    deployments: tuple[KnownDeployment, ...]
    now: datetime
    read_at: Mapping[str, datetime]
    unread: Mapping[str, str]
    held: Callable[[str], HeldPlan | None]
    """Gives what a limit holds on a deployment, as the database has it."""
    is_of_file: bool = False
    """Whether a file says all of it, in place of the database."""
    unasked: tuple[Unasked, ...] = ()
    """Deployments that were left out as they do not have the DAG that is asked about."""

    def stand(
        self, known: KnownDeployment, *, about: Sequence[PersonKey] | None = None, named: Iterable[str] = ()
    ) -> Standing:
        from syncd.access.standing import stand

        return stand(self.rules, self.view, known, now=self.now, about=about, named=named)

    @property
    def seen_at(self) -> Mapping[str, datetime | None]:
        """Say when each deployment was seen, in the order of the configuration; None: it was never looked at."""
        found = {known.name: known.seen.at if known.seen else None for known in self.deployments}
        found |= {one.name: one.at for one in self.unasked}
        names = (each.deployment.name for each in self.settings.deployments)
        return {name: found[name] for name in names if name in found}

    @property
    def never_seen(self) -> tuple[str, ...]:
        """Name the deployments that were never looked at."""
        return tuple(name for name, at in self.seen_at.items() if at is None)

    @property
    def is_whole(self) -> bool:
        return not self.never_seen and not self.unread


@contextmanager
def answering(
    this: Invocation, *, deployments: Sequence[str] | None = None, snapshot: Path | None = None, dag: str = ""
) -> Iterator[Answering]:
    """Gather what is known of these deployments, or of all; from the database, which stays open meanwhile, or from a file.
    What people were given for a time is in the rules; a file does not have that.

    Where the question is about one DAG, what is known of people is only read of deployments that have it.
    """
    from syncd import app
    from syncd.mapping.granted import with_grants

    if snapshot is not None:
        settings = this.settings()
        of = answered_from(settings, app.read_rules(settings), kept_in_file(snapshot), deployments=deployments or ())
        yield replace(of, is_of_file=True)
        return
    with this.in_use() as (files, store):
        only = chosen(files.settings, deployments or ())
        unasked = tuple(_without(dag, files.settings, store, only)) if dag else ()
        asked = only - {one.name for one in unasked}
        rules = with_grants(files.rules, store.grants.active(now=app.utc_now()))
        of = answered_from(files.settings, rules, kept_in_store(files.settings, store, only=asked), deployments=())
        there = tuple(known for known in of.deployments if known.name in asked)
        yield replace(of, deployments=there, held=store.queries.held, unasked=unasked)


def _without(dag: str, settings: Settings, store: Stores, only: Container[str]) -> Iterator[Unasked]:
    """Give the deployments that do not have a DAG, as far as anybody looked."""
    from syncd import app
    from syncd.access.known import Unasked

    for each in settings.deployments:
        if (name := each.deployment.name) in only:
            listed = store.looks.listed(store.places.place(name, each.address).facts)
            is_read = listed is not None and app.kind_of(each).dialect(listed.learned) is not None
            dags = frozenset(one.id for one in listed.dags) if listed and is_read else frozenset()
            if dag not in dags:
                yield Unasked(name, listed.at if listed and is_read else None, dags)


def answered_from(settings: Settings, rules: Rules, kept: LastKnown, *, deployments: Sequence[str]) -> Answering:
    """Put together what is kept and what the files say."""
    from syncd import app
    from syncd.access.known import KnownDeployment, Noted

    only = chosen(settings, deployments)
    known = []
    for each in settings.deployments:
        noted = kept.noted.get(each.deployment.name, Noted())
        if each.deployment.name in only:
            dialect = app.kind_of(each).dialect(noted.seen.learned) if noted.seen else None
            known.append(KnownDeployment(each.deployment, each.enforce, noted, dialect))
    view = kept.said.view(settings.joining)
    unread = view.directory.failed
    return Answering(settings, rules, view, tuple(known), app.utc_now(), kept.said.read_at(), unread, _nothing_held)


def _nothing_held(_deployment: str) -> None:
    """Say that nothing is known to be held: a file does not have that."""


def kept_in_store(settings: Settings, store: Stores, *, only: Iterable[str]) -> LastKnown:
    """Give what the database has; sources on this machine are read as they are now."""
    from syncd.access.known import LastKnown

    addresses = {each.deployment.name: each.address for each in settings.deployments}
    return LastKnown(_said(settings, store), {name: _noted(store, name, addresses[name]) for name in only})


def kept_for_check(settings: Settings) -> LastKnown:
    """Give what the database has, if it is a file here that needs no upgrade; else what the sources on this machine say."""
    from contextlib import closing

    from syncd import app
    from syncd.access.known import LastKnown
    from syncd.errors import StoreError

    try:
        store = app.peek_store(settings) if is_kept_here(settings) else None
        if store is not None:
            with closing(store):
                return kept_in_store(settings, store, only=chosen(settings, ()))
    except StoreError:
        pass  # `doctor` tells what is wrong with it
    return LastKnown(_said(settings, None), {})


def is_kept_here(settings: Settings) -> bool:
    """Say whether the database is a file, so that no server is asked for what it has."""
    return settings.database.url.startswith("sqlite:")


def kept_in_file(file: Path) -> LastKnown:
    """Give what a file has that `syncd snapshot export` wrote.

    Raises:
        SnapshotInvalid: it is no such file.
    """
    from syncd.store.exported import read_export

    return read_export(file)


def _noted(store: Stores, name: str, address: str) -> Noted:
    from syncd.access.known import Noted

    facts = store.places.place(name, address).facts
    seen = store.looks.last(facts)
    if seen is None:
        return Noted()
    owned, made = store.holdings.owned(facts), store.holdings.made_accounts(facts)
    return Noted(replace(seen, deployment=name), owned, made, store.inbox.rejections(name))


def _said(settings: Settings, store: Stores | None) -> SourcesSaid:
    from syncd.access.known import SourcesSaid

    snapshots: dict[str, Snapshot] = {}
    failed: dict[str, str] = {}
    for source in settings.sources:
        read, why = _read_here(settings, source.name)
        saved = read or (store.readings.last_snapshot(source.name) if store else None)
        health = None if read or why or not store else store.readings.health(source.name)
        snapshots |= {source.name: saved} if saved else {}
        failed |= {source.name: why} if why else {}
        failed |= {source.name: health.failure} if health and health.failure else {}
    if store is None:
        return SourcesSaid(snapshots, failed)
    known = store.readings.known_persons(settings.joining.key)
    return SourcesSaid(snapshots, failed, dict(store.readings.group_names()), known)


def _read_here(settings: Settings, name: str) -> tuple[Snapshot | None, str]:
    """Read a source that is on this machine; else why that cannot be done. Neither: it would ask somebody."""
    from syncd import app
    from syncd.errors import SourceUnavailable

    found = next(source for source in settings.sources if source.name == name)
    local = app.open_local(found, everyone=True)  # whatever is asked: of either side of a comparison too
    if local is None:
        return None, ""
    try:
        return local.read(), ""
    except SourceUnavailable as error:
        return None, str(error)


def unknown(of: Answering, *, dag: str = "", role: str = "") -> str:
    """Say that there is no such DAG or role, as far as anybody looked, and what was meant."""
    from syncd.text.strict import Strict

    seen = [known.seen for known in of.deployments if known.seen is not None]
    dags = {one.id for each in seen for one in each.dags}.union(*(one.dags for one in of.unasked))
    roles = {name for each in seen for name in each.roles} | _defined(of) if role else frozenset()
    for word, known, what in ((dag, dags, "DAG"), (role, roles, "role")):
        if word and word not in known:
            where = f"never looked at: {', '.join(of.never_seen)}" if of.never_seen else "as they were seen last"
            return f'no deployment has a {what} "{safe(word)}" ({where}){Strict().near(word, known)}'
    return ""


def _defined(of: Answering) -> frozenset[str]:
    """Name the roles that the mapping defines, and those that its patterns make on these deployments."""
    from syncd.mapping.expanded import expanded

    made = (expanded(of.rules, of.view.directory, k.deployment, dags=k.dags(of.now)) for k in of.deployments)
    return frozenset(of.rules.roles).union(*(one.rules.roles for one in made))


def nobody(of: Answering, word: str) -> str:
    """Say that no source knows somebody, and who was meant."""
    from syncd.text.strict import Strict

    people = of.view.directory.identities.values()
    known = {name for person in people for name in (person.login, person.email) if name}
    return f"no source knows {safe(word)}{safe(Strict().near(word, known))}"


# --- how old it is ----------------------------------------------------------------------------------------------------


def age_lines(of: Answering, *, anew: str = "`syncd plan` looks anew") -> Iterator[Line]:
    """Say how old the answer is, which commands look `anew`, and of what nothing is known."""
    if seen := min(filter(None, of.seen_at.values()), default=None):
        age = f"as seen {ago(of.now, seen)} ({_when(seen)})"
        yield Line(age if of.is_of_file else f"{age}; {anew}", Style.QUIET)
    for source, why in sorted(of.unread.items()):
        yield Line(f"source {safe(source)} could not be read: {safe(why)}", Style.FAIL)
    if of.never_seen:
        names = some(list(map(safe, of.never_seen)), 5)
        yield Line(f"never looked at: {names}; `syncd plan` looks", Style.WARN)


def ages(of: Answering) -> dict[str, object]:
    """Say the same to programs."""
    deployments = {name: at and at.astimezone(UTC).isoformat() for name, at in of.seen_at.items()}
    read = {source: at.astimezone(UTC).isoformat() for source, at in sorted(of.read_at.items())}
    return {"deployments_seen_at": deployments, "sources_read_at": read, "sources_failed": dict(of.unread)}


def ago(now: datetime, then: datetime) -> str:
    """Say how long ago a moment was, in whole minutes, hours or days."""
    minutes = max(0, int((now - then).total_seconds() // 60))
    if minutes < 2:
        return "just now"
    if minutes < 120:
        return f"{minutes} minutes ago"
    return f"{minutes // 60} hours ago" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days ago"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
