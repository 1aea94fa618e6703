"""`syncd adopt`: write mapping files for what people hold today."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import chosen, invocation
from syncd.files import MIB

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.mapping.adopt_dags import LiveDeployment
    from syncd.model import Change, Directory, InCode, Rules
    from syncd.reconcile import World
    from syncd.store import Stores

FILE = "adopted.yaml"
DAYS = 90
CODE = (".py", ".yaml", ".yml", ".json")
"""The files from which DAGs are made."""
LARGEST, TOGETHER = 8 * MIB, 256 * MIB


def adopt(
    context: typer.Context,
    deployments: Annotated[
        list[str],
        typer.Argument(
            metavar="DEPLOYMENT",
            autocompletion=COMPLETE_DEPLOYMENT,
            help="The deployments, as the configuration calls them.",
        ),
    ],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FOLDER", help=f"Write {FILE} into this folder, in place of showing it."),
    ] = None,
    dags: Annotated[
        Path | None,
        typer.Option(
            "--dags",
            metavar="FOLDER",
            help="Tell too what the DAG files in this folder give by access_control in their code. They are read and never run.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=f"Write over {FILE} where it is there already.")] = False,
) -> int:
    """Write a mapping file that gives what people hold today, and nothing else: the first plan after it is empty.

    Sources and deployments are asked; nothing is sent to any of them."""
    from datetime import timedelta

    from syncd import app
    from syncd.cli.output import show_document, show_error, show_text
    from syncd.cli.schema_files import modeline
    from syncd.errors import EXIT_DONE, EXIT_FAILED
    from syncd.mapping.adopt import adopt as infer
    from syncd.mapping.adopt import as_named
    from syncd.mapping.adopt_code import told
    from syncd.mapping.adopt_text import mapping_text
    from syncd.model import Rules
    from syncd.reconcile import read_directory
    from syncd.render.lines import counted

    this = invocation(context)
    settings = this.settings()
    chosen(settings, deployments)
    _see_free(into, force=force)
    now, codes = app.utc_now(), _in_code(settings, deployments, dags)
    with (
        this.store(settings) as store,
        this.world(settings, store, deployments=deployments, rules=Rules({}, ())) as world,
    ):
        directory = read_directory(world)
        lives = tuple(_live(world))
        found = infer(lives, directory, now=now)
        if codes is not None:
            found.left += told(codes, lives, found)
            found.left += [line for live in lives for line in _contested(store, live, codes)]
    said = f"What people held on {', '.join(sorted(deployments))} at {now:%Y-%m-%d %H:%M} UTC, by syncd adopt."
    fleet = [d.deployment for d in settings.deployments]
    text = mapping_text(found, fleet, until=(now + timedelta(days=DAYS)).date(), said=said)
    rules = app.rules_of(settings, {FILE: text.encode()})
    if changes := [change for live in lives for change in _changes(live, rules, as_named(directory, found.given))]:
        show_error(
            f"the first plan would change {', '.join(c.name for c in changes[:3])}: this is a defect; nothing was written"
        )
        return EXIT_FAILED
    if into is None:
        show_document(text)
    else:
        _write(into / FILE, modeline(this.config, into) + text)
        roles = counted(len(rules.roles), "role", "roles")
        bindings = counted(len(rules.bindings), "binding", "bindings")
        show_text(f"wrote {into / FILE}: {roles}, {bindings}; see: syncd check, syncd plan")
    return EXIT_DONE


def _in_code(settings: Settings, deployments: list[str], folder: Path | None) -> tuple[InCode, ...] | None:
    """Read what the code of DAGs gives by itself; None: nobody asked."""
    from syncd import app
    from syncd.errors import ConfigInvalid, Problem
    from syncd.text.folder import FolderUnreadable, Wanted, read_folder

    if folder is None:
        return None
    try:
        files = read_folder(folder, Wanted(dict.fromkeys(CODE, LARGEST), TOGETHER))
    except FolderUnreadable as error:
        raise ConfigInvalid([Problem(str(folder), 0, 0, str(error))]) from error
    kinds = {app.kind_of(d).name: app.kind_of(d) for d in settings.deployments if d.deployment.name in deployments}
    return tuple(
        code for kind in kinds.values() for file, content in files.items() for code in kind.in_code(file, content)
    )


def _contested(store: Stores, live: LiveDeployment, codes: tuple[InCode, ...]) -> Iterator[str]:
    from syncd.mapping.adopt_code import told_contested

    yield from told_contested(live, store.memory.losses(live.name), store.memory.gains(live.name), codes)


def _live(world: World) -> Iterator[LiveDeployment]:
    """Look at each deployment, by reading only."""
    from contextlib import closing

    from syncd.mapping.adopt_dags import LiveDeployment
    from syncd.model import EVERYTHING

    for target in world.targets:
        with closing(target.open(None)) as session:
            session.look()
            observed = session.observe(EVERYTHING, role_names=frozenset())
            own = session.own_account()
            yield LiveDeployment(target.deployment, observed, session.inventory(), session.dialect(), own)


def _changes(live: LiveDeployment, rules: Rules, directory: Directory) -> tuple[Change, ...]:
    """Give what the first plan would change: nothing, or the inference is wrong."""
    from syncd import app
    from syncd.mapping.compile import compile_desired
    from syncd.model import Owned
    from syncd.plan.diff import align, diff

    desired = compile_desired(
        rules, directory, live.deployment, inventory=live.dags, dialect=live.dialect, now=app.utc_now()
    )
    aligned = align(desired, live.observed, match_email=live.deployment.match_email)
    plan = diff(aligned, live.observed, owned=Owned(), deployment=live.deployment, service_user=live.own_account)
    return plan.changes


def _see_free(into: Path | None, *, force: bool) -> None:
    """Refuse before anybody is asked."""
    from syncd.errors import ConfigInvalid, Problem

    if into is not None and os.path.lexists(into / FILE) and not force:
        raise ConfigInvalid([Problem(str(into / FILE), 0, 0, "is there already; take it away, or say --force")])


def _write(path: Path, text: str) -> None:
    """Write all of it or nothing: a daemon may read the folder meanwhile."""
    from syncd.errors import ConfigInvalid, Problem
    from syncd.files import write_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode(), mode=0o666)
    except OSError as error:
        raise ConfigInvalid([Problem(str(path), 0, 0, f"cannot be written: {error.strerror}")]) from error
