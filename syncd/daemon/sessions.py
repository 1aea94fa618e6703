"""Sessions with deployments that outlive a pass: a login, a token or a connection is made once and used for days."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from syncd.model import (
    Change,
    Dag,
    Dialect,
    Learned,
    LoggedAct,
    LoggedEdit,
    ObservedState,
    Outcome,
    Scope,
    SignIns,
)
from syncd.ports import LastingSession, Recorder, TargetSession

Open = Callable[[Learned | None], LastingSession]


@dataclass(frozen=True, slots=True)
class _Kept:
    session: LastingSession
    way: object


class Sessions:
    """At most one session for each deployment; a queue makes sure that one pass at a time uses it.

    At most `most` of those that nobody uses are kept, the last used ones: each keeps a connection open.

    A session belongs to the way in which its deployment was reached when it was opened (address, credentials, rate limit,
    protected accounts). A pass that began before a reload may still open one of the old way; no later pass ever gets it.
    """

    def __init__(self, *, most: int = 10**6) -> None:
        self.most = most
        self._lock = Lock()
        self._open: dict[str, _Kept] = {}
        self._lent: dict[str, LastingSession] = {}
        self._ways: dict[str, object] | None = None
        """How each deployment is reached now; None: as the first `opener` says."""
        self._inventories: dict[str, frozenset[Dag]] = {}

    def opener(self, name: str, open_new: Open, *, way: object = None) -> Callable[[Learned | None], TargetSession]:
        """Give what `Target.open` should be: the session that is there, or a new one."""

        def open_(known: Learned | None) -> TargetSession:
            with self._lock:
                kept = self._open.get(name)
            session = kept.session if kept is not None and kept.way == way else open_new(known)
            with self._lock:
                if self._is_now(name, way):
                    self._open[name] = _Kept(session, way)
                self._lent[name] = session
            return _Lent(session, listed=lambda dags: self._listed(name, dags), back=lambda: self._back(name))

        return open_

    def keep_only(self, ways: Mapping[str, object]) -> None:
        """From now on these deployments are reached in these ways; end every session of another."""
        with self._lock:
            self._ways = dict(ways)
            other = [name for name, kept in self._open.items() if not self._is_now(name, kept.way)]
        for name in other:
            self.drop(name)

    def _is_now(self, name: str, way: object) -> bool:
        return self._ways is None or (name in self._ways and self._ways[name] == way)

    def look_again(self, name: str) -> None:
        """Let the next pass find out anew what the server can do: it may have been upgraded."""
        with self._lock:
            found = self._open.get(name)
        if found is not None:
            found.session.forget(looked=True)

    def drop(self, name: str) -> None:
        """End a session that got no answer, or that is not to be used any more; a pass that uses it may end first."""
        with self._lock:
            found = self._open.pop(name, None)
            in_use = name in self._lent
        if found is not None and not in_use:
            found.session.close()

    def inventory(self, name: str) -> frozenset[Dag] | None:
        """Give the DAGs as the last pass listed them."""
        with self._lock:
            return self._inventories.get(name)

    def close(self) -> None:
        for name in tuple(self._open):
            self.drop(name)

    def _back(self, name: str) -> None:
        with self._lock:
            session = self._lent.pop(name)
            kept = self._open.get(name)
            is_wanted = kept is not None and kept.session is session
            if kept is not None and is_wanted:
                self._open[name] = self._open.pop(name)  # the last used is the last to go
        if is_wanted:
            session.forget()
        else:
            session.close()
        self._end_some()

    def _end_some(self) -> None:
        with self._lock:
            idle = [name for name in self._open if name not in self._lent]
            too_many = idle[: max(0, len(idle) - self.most)]
        for name in too_many:
            self.drop(name)

    def _listed(self, name: str, dags: tuple[Dag, ...]) -> None:
        with self._lock:
            self._inventories[name] = frozenset(dags)


class _Lent:
    """A lasting session in the hands of one pass: closing gives it back, and calls are counted from here."""

    def __init__(
        self, session: LastingSession, *, listed: Callable[[tuple[Dag, ...]], None], back: Callable[[], None]
    ) -> None:
        self._session = session
        self._listed = listed
        self._back = back
        self._calls = session.calls

    @property
    def calls(self) -> int:
        return self._session.calls - self._calls

    def look(self) -> Learned:
        return self._session.look()

    def own_account(self) -> str | None:
        return self._session.own_account()

    def dialect(self) -> Dialect:
        return self._session.dialect()

    def inventory(self) -> tuple[Dag, ...]:
        found = self._session.inventory()
        self._listed(found)
        return found

    def observe(
        self,
        scope: Scope,
        *,
        role_names: frozenset[str],
        once: frozenset[str] = frozenset(),
        members: frozenset[str] = frozenset(),
    ) -> ObservedState:
        return self._session.observe(scope, role_names=role_names, once=once, members=members)

    def sign_ins(self, names: Collection[str]) -> Mapping[str, SignIns]:
        return self._session.sign_ins(names)

    def edits(self, since: datetime) -> tuple[LoggedEdit, ...] | None:
        return self._session.edits(since)

    def acts(self, account: str, since: datetime) -> tuple[LoggedAct, ...]:
        return self._session.acts(account, since)

    def apply(self, change: Change, record: Recorder) -> Outcome:
        return self._session.apply(change, record)

    def learned(self) -> Learned:
        return self._session.learned()

    def close(self) -> None:
        self._back()
