"""What is left of a pass that was killed: exactly what was begun, no more and no less."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from journal_rows import calls_of
from store_samples import NOW, created

from syncd.model import EVERYTHING, Status
from syncd.store import Stores, migrate

PASSES = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from store_samples import NOW, created, planned
from syncd.model import Outcome, Status
from syncd.store import Stores

PEOPLE = [created(name, "Viewer") for name in ("anna", "bob", "carol")]

def one_pass(url, left):
    def step():
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Stores.open(url)
    plan = planned(store, *PEOPLE)
    with store.ledger.entries(plan) as entries:
        for change in PEOPLE:
            step()
            entry = entries.begin(change, now=NOW)
            step()
            call = entry.before("POST")
            step()
            entry.after(call, "200")
            entry.after(entry.before("GET"), "404")
            step()
            entry.conclude(Outcome(change, Status.APPLIED), now=NOW)
        step()
    step()

for steps, url in enumerate(sys.argv[2:]):
    child = os.fork()
    if child == 0:
        one_pass(url, steps)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""
"""Passes in processes of their own, each killed one step later than the one before."""

PEOPLE = ("anna", "bob", "carol")
STEPS = 4 * len(PEOPLE) + 2


def test_a_pass_that_is_killed_leaves_exactly_what_was_begun(make_database: Callable[[str], str]) -> None:
    urls = [make_database(str(steps)) for steps in range(STEPS)]
    for url in urls:
        migrate(url)
    subprocess.run([sys.executable, "-c", PASSES, Path(__file__).parents[1], *urls], check=True)
    for steps, url in enumerate(urls):
        with closing(Stores.open(url)) as store:
            _check(store, *divmod(steps, 4), whole=steps == STEPS - 1)


def _check(store: Stores, ended: int, into: int, *, whole: bool) -> None:
    """Check what a pass left that ended so many people and came so many steps into the next, or to its own end.

    How somebody ended comes to the disk with what is announced of the next, or at the end of the pass.
    """
    announced = into > 1
    begun = min(ended + announced, len(PEOPLE))
    known = ended if announced or whole else max(ended - 1, 0)
    assert [] == store.records.verify().flaws
    open_changes = store.ledger.unsettled("prod")
    assert [created(name, "Viewer") for name in PEOPLE[known:begun]] == [u.change for u in open_changes]
    assert set(PEOPLE[:begun]) == set(store.holdings.owned("prod").users)
    assert 3 == len(store.queries.audit()) + len(store.queries.audit(status="planned"))
    for change in open_changes:
        answers = [None] if into == 2 else ["200", None]
        assert answers == [answer for _, answer in calls_of(store, change.id)]
        store.ledger.settle(change.id, Status.FAILED, "", now=NOW)
    assert set(PEOPLE[:known]) == set(store.holdings.owned("prod").users)


def test_a_writer_that_is_killed_within_a_transaction_leaves_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/syncd.db"
    killed = """
import os, signal, sys
from syncd.store.engine import Database
with Database(sys.argv[1]).write() as connection:
    connection.exec_driver_sql("INSERT INTO capabilities VALUES ('prod', '{}', '2026-01-01')")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    Stores.open(url).close()
    ended = subprocess.run([sys.executable, "-c", killed, url], check=False)
    assert -signal.SIGKILL == ended.returncode
    with closing(Stores.open(url)) as store:
        assert store.memory.learned("prod") is None
        assert 1 == store.ledger.start_run("plan", scope=EVERYTHING, now=NOW)
