"""Group commit: what several threads want to write at the same time becomes one transaction.

A commit waits for the disk, and on SQLite for every other writer; a thousand small ones wait a thousand times. So each
thread puts its work in line, and whoever gets the turn does all that stands there. Then those whose work is done are woken,
and of the others the first: to wake all of them each time would cost more than the work.

Work that nobody waits for (`later`) is done ahead of the line by whoever has the turn next, so it costs no transaction and
wakes no thread. It is committed before, or together with, all that is asked for after it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection

from syncd.errors import StoreError

T = TypeVar("T")


_INTERRUPTED = "interrupted while the database was written to; the next pass looks what was written"


class _Ticket:
    """One piece of work that stands in line, and what came of it.

    Until it is known to be committed it counts as interrupted: that may happen at any place, in anybody's thread.
    """

    __slots__ = ("_gate", "can_wait", "done", "error", "result", "work")

    def __init__(self, work: Callable[[Connection], Any], *, can_wait: bool = False) -> None:
        self.work = work
        self.can_wait = can_wait
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = StoreError(_INTERRUPTED)
        self._gate = Lock()
        self._gate.acquire()

    def sleep(self) -> None:
        """Wait until somebody wakes us, or has since we slept last."""
        self._gate.acquire()

    def wake(self) -> None:
        """End the sleep; one thread at a time may."""
        if self._gate.locked():
            self._gate.release()

    def succeed(self) -> None:
        self.error, self.done = None, True

    def fail(self, error: BaseException) -> None:
        self.error, self.done = error, True


class Deferred:
    """Work that is committed with what anybody commits next; for the thread that asked for it."""

    __slots__ = ("_group", "_ticket")

    def __init__(self, group: GroupCommit, ticket: _Ticket) -> None:
        self._group = group
        self._ticket = ticket

    def check(self) -> None:
        """Raise what it raised, if it was tried by now; within work that was asked for later, it was."""
        if self._ticket.done and self._ticket.error is not None:
            raise self._ticket.error

    def flush(self) -> None:
        """See to it that it is committed now.

        Raises:
            what it raised; StoreError: the database is away, and it stays for whoever commits next.
        """
        if not self._ticket.done:
            self._group.run(lambda _: None)
        self.check()


class GroupCommit:
    """Does the work of many threads in as few transactions as it can. `write` gives a transaction.

    A piece of work may be done twice, and in the thread of somebody else, so it changes nothing but the database. One
    that raises fails alone: its transaction is rolled back, and the others are done again without it. Where the whole
    transaction fails, so does everybody who waits for it; what can wait is tried again with the next.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write = write
        self._lock = Lock()
        self._line: list[_Ticket] = []
        self._later: list[_Ticket] = []
        self._has_turn: _Ticket | None = None
        self._taken: list[_Ticket] = []
        """What whoever has the turn took out of the line."""

    def run(self, work: Callable[[Connection], T]) -> T:
        """Give what `work` gives, when it is committed; raise what it raises."""
        mine = _Ticket(work)
        try:
            self._commit(self._wait(mine))
        finally:
            self._pass_on(mine)
        if mine.error is not None:
            raise mine.error
        result: T = mine.result
        return result

    def later(self, work: Callable[[Connection], object]) -> Deferred:
        """Do `work` with, and ahead of, what anybody commits next."""
        ticket = _Ticket(work, can_wait=True)
        with self._lock:
            self._later.append(ticket)
        return Deferred(self, ticket)

    def _wait(self, mine: _Ticket) -> list[_Ticket]:
        """Stand in line until somebody has done our work, or it is our turn; then give everything that stands there."""
        with self._lock:
            self._line.append(mine)
        while not mine.done:
            with self._lock:
                if not self._has_turn:
                    self._has_turn = mine
                    self._taken, self._later, self._line = self._later + self._line, [], []
                    return self._taken
            mine.sleep()
        return []

    def _pass_on(self, mine: _Ticket) -> None:
        """Wake those whose work was taken out of the line, and who is to have the turn next."""
        if mine.done and self._has_turn is not mine:
            return
        with self._lock:
            if self._has_turn is mine:
                for ticket in self._taken:
                    ticket.done = True  # interrupted, where it was not before
                    ticket.wake()
                self._has_turn, self._taken = None, []
            elif mine in self._line:  # interrupted while it waited
                self._line.remove(mine)
            if self._line and not self._has_turn:
                self._line[0].wake()

    def _commit(self, taken: list[_Ticket]) -> None:
        while taken:
            taken = self._attempt(taken)

    def _attempt(self, tickets: list[_Ticket]) -> list[_Ticket]:
        """Try to commit everything; give what is to be tried again, because it stood beside work that failed."""
        at_work: _Ticket | None = None
        try:
            with self._write() as connection:
                for at_work in tickets:
                    at_work.result = at_work.work(connection)
                at_work = None
        except Exception as error:  # noqa: BLE001 - handed to whom it belongs to, who raises it
            if at_work is None:  # nobody's own fault; each gets an error of its own, because threads must not share one
                self._fail(tickets, error)
                return []
            at_work.fail(error)
            return [ticket for ticket in tickets if not ticket.done]
        for ticket in tickets:
            ticket.succeed()
        return []

    def _fail(self, tickets: list[_Ticket], error: Exception) -> None:
        """Tell those who wait; what can wait goes back to where it was."""
        again = [ticket for ticket in tickets if ticket.can_wait]
        with self._lock:
            self._later = again + self._later
            self._taken = [ticket for ticket in self._taken if ticket not in again]
        for ticket in self._taken:
            if not ticket.done:
                ticket.fail(_caused(error))


def _caused(cause: Exception) -> StoreError:
    error = StoreError(str(cause))
    error.__cause__ = cause
    return error
