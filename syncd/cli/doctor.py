"""`syncd doctor`: look at everything that syncd depends on, and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output, show, show_json
from syncd.render.layout import Grid, Row
from syncd.render.lines import Style, counted, safe

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import CheckResult
    from syncd.store import Stores

REACHABLE, WRITABLE, SAME, ALONE = "reachable", "writable", "same as before", "alone"
_STYLES = {True: ("ok", Style.PLAIN), None: ("note", Style.WARN), False: ("wrong", Style.FAIL)}


def doctor(context: typer.Context, output: Format = Output.TEXT) -> int:
    """Examine the database, the mapping files, every source and every deployment, by reading only."""
    settings = invocation(context).settings()
    found = _examined(settings)
    if output is Output.JSON:
        show_json({"findings": [asdict(result) for result in found]})
    else:
        show([Grid(tuple(map(_row, found)))])
    return exit_code(found)


def exit_code(found: Sequence[CheckResult]) -> int:
    """Give the worst that was found: something wrong, something out of reach, nothing."""
    from syncd.errors import EXIT_DONE, EXIT_FAILED, EXIT_NO_ANSWER

    wrong = [result for result in found if result.ok is False]
    if any(result.check != REACHABLE for result in wrong):
        return EXIT_FAILED
    return EXIT_NO_ANSWER if wrong else EXIT_DONE


def _examined(settings: Settings) -> tuple[CheckResult, ...]:
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import ExitStack

    from syncd import app
    from syncd.cli.exposed import exposed

    with ExitStack() as stack:
        database, store = _database(settings)
        if store is not None:
            stack.callback(store.close)
        examinations = app.examinations(settings, rests=store.readings if store else None)
        workers = min(settings.workers, len(examinations))
        pool = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="doctor"))
        names = [f"source {s.name}" for s in settings.sources] + [d.deployment.name for d in settings.deployments]
        rest = [pool.submit(_outcome, name, examine) for name, examine in zip(names, examinations, strict=True)]
        own = [
            database,
            *_writable(store),
            *_same(store),
            *_paused(store),
            *_alone(settings, store),
            *_mapping(settings, store),
            *exposed(settings),
        ]
        return (*own, *(result for done in rest for result in done.result()))


def _outcome(subject: str, examine: Callable[[], tuple[CheckResult, ...]]) -> tuple[CheckResult, ...]:
    """Examine, and let nothing that goes wrong there keep the others from being told."""
    from syncd.errors import SyncdError
    from syncd.model import CheckResult

    try:
        return examine()
    except SyncdError as error:
        return (CheckResult(subject, "examined", False, str(error)),)
    except Exception as error:  # noqa: BLE001 - its text is that of a library and may hold anything
        return (CheckResult(subject, "examined", False, f"unexpected {type(error).__name__}; this is a defect"),)


def _database(settings: Settings) -> tuple[CheckResult, Stores | None]:
    from syncd import app
    from syncd.errors import SyncdError
    from syncd.model import CheckResult

    try:
        store = app.open_store(settings)
    except SyncdError as error:
        return CheckResult("database", REACHABLE, False, str(error)), None
    return CheckResult("database", REACHABLE, True, settings.database.url), store


def _writable(store: Stores | None) -> tuple[CheckResult, ...]:
    """Say whether the database takes what is written: a lease of our own, given back at once. A full disk can yet be read."""
    from syncd.errors import DeploymentBusy, SyncdError
    from syncd.model import CheckResult

    if store is None:
        return ()
    try:
        with store.leases.take("doctor"):
            return (CheckResult("database", WRITABLE, True, "a lease was taken and given back"),)
    except DeploymentBusy:
        return (CheckResult("database", WRITABLE, True, "another doctor writes"),)
    except SyncdError as error:
        return (CheckResult("database", WRITABLE, False, str(error)),)


def _same(store: Stores | None) -> tuple[CheckResult, ...]:
    """Say whether the database is the one that was worked with last, and whether that can be remembered outside of it."""
    from syncd.errors import SyncdError
    from syncd.model import CheckResult

    if store is None:
        return ()
    try:
        found = store.installation.doubt() or store.installation.notice()  # which remembers, and so tries to
    except SyncdError as error:
        return (CheckResult("database", SAME, False, str(error)),)
    if found is not None:
        why = f"in doubt since {found.since:%Y-%m-%d %H:%M} UTC: {found.why}; nothing is taken until: syncd recover"
        return (CheckResult("database", SAME, False, why),)
    trouble = store.installation.trouble
    return (CheckResult("database", SAME, not trouble, trouble or "it is the one that was worked with last"),)


def _paused(store: Stores | None) -> Iterator[CheckResult]:
    """Tell of every pause that stands."""
    from syncd.errors import SyncdError
    from syncd.model import CheckResult

    if store is None:
        return
    with suppress(SyncdError):  # that the database does not answer is told above
        for pause in store.pauses.standing():
            yield CheckResult(pause.of.where, "paused", None, str(pause))


def _alone(settings: Settings, store: Stores | None) -> Iterator[CheckResult]:
    """Tell of each deployment on which another installation seems to work."""
    from datetime import UTC, datetime

    from syncd.errors import SyncdError
    from syncd.model import CheckResult
    from syncd.plan.another import another_installation

    if store is None:
        return
    with suppress(SyncdError):  # that the database does not answer is told above
        now = datetime.now(UTC)
        for each in settings.deployments:
            name = each.deployment.name
            if why := another_installation(store.memory.signs(name), now=now):
                yield CheckResult(f"deployment {name}", ALONE, False, why)


def _mapping(settings: Settings, store: Stores | None) -> Iterator[CheckResult]:
    """Say whether the mapping files can be used, and where they and the database can, which roles are frozen."""
    from syncd import app
    from syncd.cli.frozen import examined
    from syncd.errors import InvalidInput, SyncdError
    from syncd.model import CheckResult

    try:
        rules = app.read_rules(settings)
    except InvalidInput as error:
        yield CheckResult("mapping", "valid", False, str(error))
        return
    said = f"{counted(len(rules.roles), 'role', 'roles')}, {counted(len(rules.bindings), 'binding', 'bindings')}"
    yield CheckResult("mapping", "valid", True, said)
    with suppress(SyncdError):  # of a file of people or the database, which is told already
        yield from examined(settings, rules, store.readings) if store is not None else ()


def _row(result: CheckResult) -> Row:
    word, style = _STYLES[result.ok]
    return Row((word, safe(result.subject), result.check, safe(result.detail.replace("\n", "; "))), style)
