"""`syncd check`: read everything that people write, and say what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Format, Snapshot
from syncd.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from syncd.access.known import LastKnown
    from syncd.cli.mapping_tests import Tested
    from syncd.config import Settings
    from syncd.errors import SyncdError
    from syncd.model import Note, Rules
    from syncd.model import Snapshot as SourceSnapshot


def check(
    context: typer.Context,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Take what may be a mistake for one: end with exit code 3 if anything is noted."),
    ] = False,
    expand: Annotated[
        bool,
        typer.Option(
            "--expand", help="List the groups that patterns are for, and the values of `each`, as all was seen last."
        ),
    ] = False,
    snapshot: Snapshot = None,
    output: Format = Output.TEXT,
) -> int:
    """Check the configuration, the mapping files with their tests, and the file sources. Asks no server anything."""
    this = invocation(context)
    if output is Output.JSON:
        from syncd.cli.check_json import show_checked

        return show_checked(this, strict=strict, expand=expand, snapshot=snapshot)
    return _show(this, strict=strict, expand=expand, snapshot=snapshot)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found to be wrong, what came of the tests, and, where nothing is wrong, what may be."""

    rules: Rules | None
    mistakes: tuple[SyncdError, ...]
    tested: Tested
    advice: tuple[Note, ...] = ()

    @property
    def is_sound(self) -> bool:
        return self.rules is not None and not self.mistakes and not any(True for _ in self.tested.broken)


def checked(settings: Settings, *, snapshot: Path | None) -> Checked:
    """Read everything, and look at it.

    Raises:
        SnapshotInvalid: the file is none that was exported.
    """
    mistakes: list[SyncdError] = []
    rules = _rules(settings, mistakes)
    snapshots = list(_snapshots(settings, mistakes, rules=rules))
    kept = _kept(settings, snapshot)
    tested = _tested(settings, rules, mistakes, kept)
    found = Checked(rules, tuple(mistakes), tested)
    if rules is None or not found.is_sound:
        return found
    return replace(found, advice=(*_advice(settings, rules, snapshots), *tested.notes))


def _show(this: Invocation, *, strict: bool, expand: bool, snapshot: Path | None) -> int:
    from syncd.cli.expansions import Expansions, listed
    from syncd.cli.output import show_error, show_text
    from syncd.cli.schema_files import outdated
    from syncd.errors import EXIT_DONE, EXIT_INVALID, told
    from syncd.render.extent import EVERYTHING_SHOWN, SHORT
    from syncd.render.notes import note_texts

    settings = this.settings()
    found = checked(settings, snapshot=snapshot)
    rules, tested = found.rules, found.tested
    if rules is None or not found.is_sound:
        broken = tuple(tested.broken)
        show_error("\n".join([*map(str, found.mistakes), *(broken if this.verbose else told(broken))]))
        return EXIT_INVALID
    extent = EVERYTHING_SHOWN if this.verbose else SHORT
    expanded = listed(settings, rules, snapshot=snapshot) if expand else Expansions(())
    advice = list(dict.fromkeys([*note_texts(found.advice, extent, see="-v"), *expanded.meet]))
    if strict and (advice or settings.notes):
        show_error("\n".join([*(settings.notes if this.quiet else ()), *advice]))
        return EXIT_INVALID
    notes = (f"note: {text}" for text in (*advice, *_translated(settings, rules), *outdated(this.config)))
    show_text("\n".join([_all_well(settings, rules) + tested.summary, *notes, *expanded.lines]))
    return EXIT_DONE


def _advice(settings: Settings, rules: Rules, snapshots: Iterable[SourceSnapshot]) -> Iterator[Note]:
    """Say what is no mistake of the files and may be one of their writers."""
    from syncd import app
    from syncd.cli.frozen import seen_in_files
    from syncd.mapping.diagnostics import some
    from syncd.mapping.doubtful import doubtful
    from syncd.mapping.select import idle_bindings
    from syncd.model import JoinKey, Note

    yield from idle_bindings(rules, (d.deployment for d in settings.deployments))
    namings = dict.fromkeys(d.deployment.naming for d in settings.deployments)
    yield from doubtful(rules, namings, now=app.utc_now())
    yield from seen_in_files(settings, rules, snapshots, _saved(settings, rules))
    nameless = [d.deployment.name for d in settings.deployments if not d.deployment.login_source]
    if nameless and len(settings.sources) > 1 and settings.joining.key is not JoinKey.NONE:
        sources = ", ".join(source.name for source in settings.sources)
        yield Note(
            "no_login_source",
            f"{some(nameless)}: no login_source is set, and {sources} are joined: whichever knows a person first names the "
            "account, and while one of them cannot be read nobody who is not in it gets anything; set login_source to the "
            "source that people log in with",
        )


def _saved(settings: Settings, rules: Rules) -> Mapping[str, SourceSnapshot]:
    """Give what sources said last, where a line asks what people are and the database is a file: no server is asked."""
    from contextlib import closing

    from syncd import app
    from syncd.cli.known import is_kept_here
    from syncd.errors import StoreError
    from syncd.model import conditions_of

    asks = any(conditions_of(rule.subject) for rule in rules.bindings)
    if not asks or not is_kept_here(settings):
        return {}
    try:
        store = app.peek_store(settings)
        if store is None:
            return {}
        with closing(store):
            found = {source.name: store.readings.last_snapshot(source.name) for source in settings.sources}
    except StoreError:
        return {}
    return {name: said for name, said in found.items() if said is not None}


def _kept(settings: Settings, snapshot: Path | None) -> Callable[[], LastKnown]:
    """Give what can be asked once for what was read and seen last."""
    from functools import cache

    from syncd.cli.known import kept_for_check, kept_in_file

    return cache(lambda: kept_in_file(snapshot) if snapshot else kept_for_check(settings))


def _translated(settings: Settings, rules: Rules) -> Iterator[str]:
    """Say what is written otherwise on some releases: nothing to mend, so `--strict` does not mind it."""
    from syncd.mapping.doubtful import translated

    return translated(rules, dict.fromkeys(d.deployment.naming for d in settings.deployments))


def _rules(settings: Settings, mistakes: list[SyncdError]) -> Rules | None:
    """Read the mapping files; None where they cannot be used, and then why is among the mistakes."""
    from syncd import app
    from syncd.errors import InvalidInput

    try:
        return app.read_rules(settings)
    except InvalidInput as error:
        mistakes.append(error)
        return None


def _tested(
    settings: Settings, rules: Rules | None, mistakes: list[SyncdError], kept: Callable[[], LastKnown]
) -> Tested:
    """Run the tests beside the mapping files; what is wrong with their files is among the mistakes."""
    from syncd import app
    from syncd.cli.mapping_tests import Tested, run_tests
    from syncd.errors import InvalidInput

    try:
        files = app.read_tests(settings, rules)
    except InvalidInput as error:
        if str(error) not in map(str, mistakes):  # a folder that cannot be read was told with the mapping
            mistakes.append(error)
        return Tested()
    return run_tests(settings, rules, files, kept) if rules and files else Tested()


def _snapshots(settings: Settings, mistakes: list[SyncdError], *, rules: Rules | None) -> Iterator[SourceSnapshot]:
    """Read the local sources; why one cannot be used is among the mistakes. `doctor` asks the others."""
    from syncd import app
    from syncd.errors import SourceUnavailable

    everyone = rules.everyone(source.name for source in settings.sources) if rules else frozenset()
    for local in filter(
        None, (app.open_local(source, everyone=source.name in everyone) for source in settings.sources)
    ):
        try:
            yield local.read()
        except SourceUnavailable as error:
            mistakes.append(error)


def _all_well(settings: Settings, rules: Rules) -> str:
    from syncd.render.lines import counted

    enforced = sum(deployment.enforce for deployment in settings.deployments)
    deployments = counted(len(settings.deployments), "deployment", "deployments")
    sources = counted(len(settings.sources), "source", "sources")
    roles = counted(len(rules.roles) + len(rules.templates), "role", "roles")
    bindings = counted(len(rules.bindings), "binding", "bindings")
    return f"ok: {deployments} ({enforced} enforced), {sources}; {roles} and {bindings} in the mapping"
