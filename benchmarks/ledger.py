"""What does a journal cost that proves itself: to verify, to export, to ask who held what, and in each pass?

A journal of a million records, made by the store's own functions in large transactions. Each figure is beside a floor of the same
run: reading the same rows and hashing them, or the same pass without a chain. Processor time, as the machine is shared.
Run: python benchmarks/ledger.py [RECORDS [FOLDER]]; with a folder, the journal is kept there and used again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from syncd.app import build, open_store
from syncd.cli.audit_export import TOLD, ExportForm
from syncd.config import load
from syncd.model import EVERYTHING, Change, Plan, Reason, Status, User, Why
from syncd.ports import Basis
from syncd.reconcile import apply
from syncd.sandbox.airflow import StandIn, serve
from syncd.store import Stores, changes, evidence
from syncd.store.changes import StepOutcome

RECORDS, BATCH, PEOPLE, MOVED, ROUNDS, SAMPLE = 1_000_000, 1_000, 200, 90, 9, 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = """
[sources.people]
type = "file"
directory = "people"
[limits]
share = 1.0
floor = 100000
permission_floor = 100000
gain_share = 1.0
gain_floor = 100000
right_floor = 100000000
[deployments.prod]
url = "{url}"
mode = "enforce"
auth = {{kind = "token", username = "admin", password = {{env = "LEDGER_PASSWORD"}}}}
rate_limit = {{calls_per_s = 1000, burst = 1000}}
"""
MAPPING = """
bindings:
  - {group: "people:all", roles: [Viewer], deployments: all}
  - {group: "people:some", roles: [Op], deployments: all}
"""


def fill(store: Stores, records: int) -> None:
    """Write plans of a thousand changes: an intent and an outcome each."""
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=START)
    for first in range(0, records // 2, BATCH):
        now = START + timedelta(seconds=first)
        plan = Plan("prod", EVERYTHING, tuple(_change(number) for number in range(first, first + BATCH)))
        with store.database.write() as connection:
            id_ = changes.record_plan(connection, run, plan, held=None, approved=None, now=now, basis=Basis())
            for change in plan.changes:
                print_ = changes.fingerprint(change)
                begun = changes.begin(connection, id_, change, fingerprint=print_, now=now)
                call = f"POST /users {change.name}"
                step = changes.record_call(connection, begun.id, call, now=now)
                facts = {"id_": begun.id, "plan": id_, "deployment": "prod", "fingerprint": print_, "now": now}
                evidence.intended(connection, change, **facts, call=(step, call))  # type: ignore[arg-type]
                answers = [StepOutcome(step, "200", refused=False)]
                changes.record_answers(connection, begun, answers, now=now)
                end = {"detail": "", "now": now, "change": change, "answers": answers}
                changes.close(connection, begun.id, Status.APPLIED, **end)  # type: ignore[arg-type]


def _change(number: int) -> Change:
    name = f"p{number:07}@example.com"
    why = Why("", "Viewer", reasons=(Reason("okta", "00g1a2b3", "airflow-finance", "mappings/finance.yaml:12"),))
    return Change(None, User(name, name, "Ada", "Poe", frozenset({"Viewer"})), (why,))


def spent(work: Callable[[], object]) -> float:
    """Give processor seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


def bare(file: Path) -> None:
    """Read every record and hash it, with nothing around it."""
    with closing(sqlite3.connect(file)) as connection:
        for (line,) in connection.execute("SELECT line FROM records ORDER BY seq"):
            hashlib.sha256(line.encode()).hexdigest()


def _exported(store: Stores, form: ExportForm) -> None:
    """Make the lines of some records."""
    after = 0
    while after < SAMPLE:
        after, _ = TOLD[form](store, after)


def journal(folder: Path, records: int) -> None:
    file = folder / f"ledger-{records}.db"
    is_new = not file.exists()
    with closing(Stores.open(f"sqlite:///{file}")) as store:
        if is_new:
            print(f"(filled in {spent(lambda: fill(store, records)):.0f} s)")
        verdict = store.records.verify()
        if verdict.wrong:
            raise SystemExit(str(verdict.flaws[0]))
        floor = min(spent(lambda: bare(file)) for _ in range(3))
        verify = min(spent(store.records.verify) for _ in range(3))
        export = min(spent(lambda: sum(1 for _ in store.records.lines())) for _ in range(3))
        at = START + timedelta(seconds=records // 4)
        asked = {"since": at, "until": at + timedelta(seconds=1), "user": "p0000700@example.com"}
        who = min(spent(lambda: store.queries.history(**asked)) for _ in range(3))  # type: ignore[arg-type]
        print(f"| | for {verdict.count:,} records | over reading and hashing them ({floor:.2f} s) |\n|---|--:|--:|")
        print(f"| verify | {verify:.2f} s | {verify / floor:.1f} |")
        print(
            f"| export, as they are | {export:.2f} s, {verdict.count / export:,.0f} a second | {export / floor:.1f} |"
        )
        for form in (ExportForm.OCSF, ExportForm.ECS):
            took = min(spent(lambda: _exported(store, form)) for _ in range(2))  # noqa: B023  called at once
            print(f"| export, as {form} | {SAMPLE / took:,.0f} a second | |")
        print(f"| who held what at a moment | {who * 1000:.1f} ms | |")
        print(f"| size of the file | {file.stat().st_size / verdict.count:,.0f} bytes a record | |")


# --- a pass -----------------------------------------------------------------------------------------------------------


@contextmanager
def world(folder: Path) -> Iterator[Callable[[], float]]:
    """Give what makes 90 changes of one role each on a stand-in, and back in the next; it gives the seconds they took."""
    os.environ["LEDGER_PASSWORD"] = "admin"
    for name in ("people", "mappings"):
        (folder / name).mkdir()
    (folder / "mappings" / "all.yaml").write_text(MAPPING)
    names = [f"p{number:04}" for number in range(PEOPLE)]
    people = [{"login": p, "email": f"{p}@example.com", "given_name": "Ada", "family_name": "Poe"} for p in names]
    with serve(StandIn()) as url:
        (folder / "config.toml").write_text(CONFIG.format(url=url))
        settings = load(folder / "config.toml")
        some: list[str] = []

        def turn() -> float:
            some[:] = [] if some else names[:MOVED]
            groups = [{"name": "all", "members": names}, {"name": "some", "members": some}]
            (folder / "people" / "all.json").write_text(json.dumps({"people": people, "groups": groups}))
            with closing(open_store(settings)) as store:
                began = time.process_time()
                report = apply(build(settings, store, emit=lambda *_, **__: None, full=True))
                took = time.process_time() - began
            made = sum(o.status is Status.APPLIED for o in report.deployments[0].outcomes)
            if made not in (MOVED, PEOPLE):
                raise SystemExit(f"{made} changes: {report}")
            return took

        yield turn


@contextmanager
def unchained() -> Iterator[None]:
    """Let nothing be chained."""
    with patch.multiple(evidence, planned=_nothing, intended=_nothing, called=_nothing, ended=_nothing):
        yield


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def passes(folder: Path) -> None:
    with world(folder) as turn:
        turn()
        took: dict[bool, list[float]] = {True: [], False: []}
        for round_ in range(4 * ROUNDS):
            is_chained = round_ // 2 % 2 == 0  # there and back in the same way
            with nullcontext() if is_chained else unchained():
                took[is_chained].append(turn())
        ratio = statistics.median(took[True]) / statistics.median(took[False])
        more_us = (min(took[True]) - min(took[False])) / MOVED * 1e6
        each_ms = min(took[False]) / MOVED * 1e3
        print(
            f"\na pass of {MOVED} changes, chained over not chained: {ratio:.3f} (median of {2 * ROUNDS} each, in turn);"
        )
        print(f"best over best {min(took[True]) / min(took[False]):.3f}, {more_us:.0f} us of {each_ms:.1f} ms a change")


def main() -> None:
    records = int(sys.argv[1]) if sys.argv[1:] else RECORDS
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        passes(folder)
        journal(Path(sys.argv[2]) if sys.argv[2:] else folder, records)


if __name__ == "__main__":
    main()
