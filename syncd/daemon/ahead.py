"""What a pass lets go ahead of itself: somebody's loss waits for one change, not for five thousand.

The pass that waits is made in the middle of the one that runs, by the same thread, through the same session and under the
same lease, so there is one writer at any moment, and nothing of the long pass has to be read or approved again. What it
had planned for people who moved meanwhile, or whom another pass was about in its middle, is left out: their own pass has
it; and all the rest is left out once a pass over everything went ahead.
"""

from __future__ import annotations

from collections.abc import Callable

from syncd.daemon.followup import SUPERSEDED
from syncd.daemon.work_item import WorkItem
from syncd.daemon.work_queue import WorkQueue
from syncd.plan.approval import Apply
from syncd.reconcile import Within

OVERTAKEN = "not begun: another pass over everything went ahead and decided anew"


class Ahead:
    """Between two changes of one pass; implements `reconcile.Between`. Made before the pass is given its directory.

    `make` makes the pass of an item within this one, and sees to what follows from it. `is_over` says that mapping or
    configuration are other ones than those of this pass.
    """

    def __init__(
        self,
        name: str,
        item: WorkItem,
        queue: WorkQueue,
        *,
        make: Callable[[WorkItem, Within], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._name = name
        self._item = item
        self._queue = queue
        self._make = make
        self._is_over = is_over
        self._since = queue.mark(name)
        self._went: frozenset[str] = frozenset()
        self._is_overtaken = False

    def let_ahead(self, within: Within, /, *, few: bool) -> str:
        while not self._is_over():
            item = self._queue.ahead(self._name, self._item, few=few)
            if item is None:
                return OVERTAKEN if self._is_overtaken else ""
            self._make(item, within)
            # it may have waited since before this pass began, and then no queueing tells of it
            self._went |= item.scope.usernames or frozenset()
            self._is_overtaken |= item.scope.everything and isinstance(item.mode, Apply)
        return SUPERSEDED

    def moved(self) -> frozenset[str]:
        return self._went | self._queue.moved(self._name, since=self._since)
