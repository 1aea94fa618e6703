"""Runs what may wait (a database, a lock) in a few threads, so that the event loop never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from syncd.web.problems import RETRY_S, Refusal

_T = TypeVar("_T")


class Threads:
    """At most `width` at a time; `most` may be asked for, the rest is refused at once.

    The threads are daemons, so one that hangs holds up no ending of the process; an executor's would.
    """

    def __init__(self, width: int, *, most: int = 64) -> None:
        self._free = asyncio.Semaphore(width)
        self._most = most
        self._asked = 0

    async def run(self, work: Callable[[], _T]) -> _T:
        """Give what `work` gives, or raise what it raises.

        Raises:
            Refusal: too much waits already.
        """
        if self._asked >= self._most:
            raise Refusal(503, "too many questions at once; ask again in a moment", {"Retry-After": str(RETRY_S)})
        self._asked += 1
        try:
            async with self._free:
                return await _in_thread(work)
        finally:
            self._asked -= 1


async def _in_thread(work: Callable[[], _T]) -> _T:
    done: Future[_T] = Future()
    Thread(target=_fill, args=(done, work), name="question", daemon=True).start()
    return await asyncio.wrap_future(done)


def _fill(done: Future[_T], work: Callable[[], _T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - handed over whole to whoever waits for it
        done.set_exception(error)
