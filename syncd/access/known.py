"""What is known without asking anybody: the people, as sources said it last, and each deployment, as it was seen last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.directory.doubt import NOT_READ
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.model import (
    Dag,
    Deployment,
    Dialect,
    Identity,
    Joining,
    KnownPersons,
    LastSeen,
    Level,
    MadeAccount,
    Owned,
    PersonKey,
    Snapshot,
    key,
)
from syncd.plan.rejected import Rejection
from syncd.plan.vanished import in_grace

NO_DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})
"""Who holds which role does not depend on how a server spells what is in it."""


@dataclass(frozen=True, slots=True)
class SourcesSaid:
    """What sources said last, by source. `failed`: why one could not be read since, or ever; `names`, `persons`: what group
    names are known to mean, and who is known to be one person."""

    snapshots: Mapping[str, Snapshot]
    failed: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[PersonKey, str] = field(default_factory=dict)
    persons: KnownPersons = field(default_factory=KnownPersons)

    def view(self, joining: Joining) -> DirectoryView:
        """Join them, as a pass does that reads nothing new."""
        unread = {source: NOT_READ for source in joining.precedence if source not in self.snapshots}
        failed = {**unread, **self.failed}
        fresh = {source: said for source, said in self.snapshots.items() if source not in failed}
        joined = join(fresh, self.snapshots, failed, names=self.names, joining=joining, known=self.persons)
        return DirectoryView(joined)

    def read_at(self) -> dict[str, datetime]:
        return {source: said.taken_at for source, said in self.snapshots.items()}


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of one deployment: what was seen of it last (None: nothing), and what of that is ours."""

    seen: LastSeen | None = None
    owned: Owned = field(default_factory=Owned)
    made: tuple[MadeAccount, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    """What people do not let pass there."""


@dataclass(frozen=True, slots=True)
class LastKnown:
    """All that is kept of sources and deployments, wherever it is: in a database, or in a file that was made of one."""

    said: SourcesSaid
    noted: Mapping[str, Noted]


@dataclass(frozen=True, slots=True)
class KnownDeployment:
    """A deployment of the configuration with all that is noted of it. `dialect`: None where its abilities cannot be read."""

    deployment: Deployment
    enforce: bool = True
    noted: Noted = Noted()
    dialect: Dialect | None = None

    @property
    def name(self) -> str:
        return self.deployment.name

    @property
    def seen(self) -> LastSeen | None:
        """Give what was seen of it, if that can be read."""
        return self.noted.seen if self.dialect is not None else None

    def dags(self, now: datetime) -> tuple[Dag, ...]:
        """Give the DAGs by whose values lines with `each` go: those listed last, and for a while those that were before."""
        if self.seen is None:
            return ()
        gone = in_grace(self.seen.vanished, self.deployment.dag_grace, now=now)
        return (*self.seen.dags, *(one.dag for one in gone))


@dataclass(frozen=True, slots=True)
class Unasked:
    """A deployment that does not have the DAG that is asked about: when it was seen (None: never), and the DAGs that it has."""

    name: str
    at: datetime | None
    dags: frozenset[str]


def called(view: DirectoryView, word: str) -> list[PersonKey]:
    """Find whom a word means at the sources: an id, a login or an e-mail; with all accounts of a person."""
    wanted, people = key(word), view.directory.identities.items()
    return list(dict.fromkeys(one for who, i in people if wanted in _names(i) for one in _accounts(view, who)))


def all_called(view: DirectoryView) -> Mapping[str, frozenset[PersonKey]]:
    """Do the same for every word, by its key, where many are asked for."""
    found: dict[str, set[PersonKey]] = defaultdict(set)
    for who, identity in view.directory.identities.items():
        for name in _names(identity):
            found[name].update(_accounts(view, who))
    return {name: frozenset(of) for name, of in found.items()}


def _names(identity: Identity) -> set[str]:
    return {key(identity.id), key(identity.login), key(identity.email)}


def _accounts(view: DirectoryView, who: PersonKey) -> list[PersonKey]:
    person = view.directory.persons.get(who)
    return [(i.source, i.id) for i in person.accounts] if person else [who]
