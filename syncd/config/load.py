"""Read a configuration file, whole or not at all: every problem in it is found in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, cast

from pydantic import ValidationError

from syncd.config.daemon_settings import checkpoint_settings, daemon_settings, http_settings, notify_settings
from syncd.config.grant_tables import grants_allowed
from syncd.config.limit_tables import areas_of
from syncd.config.problems import settings_problems
from syncd.config.renamed import in_todays_names
from syncd.config.rollout_tables import empty_waves, wave_order
from syncd.config.settings import DatabaseSettings, DeploymentSettings, PauseSettings, Settings, SourceSettings
from syncd.config.tables import ConfigFile, DatabaseTable
from syncd.errors import ConfigInvalid, Problem, reading
from syncd.fields import span
from syncd.files import MIB, read_file
from syncd.model import Adopt, Deployment, Joining, JoinKey, Naming, nfc
from syncd.plan.limits import GuardRules, Limits
from syncd.targets import TARGETS, USUAL
from syncd.targets.table import DeploymentTable, GuardTable
from syncd.text.folder import FolderUnreadable, Wanted, read_folder
from syncd.text.strict import Strict
from syncd.text.toml import Written, dotted, read_toml
from syncd.text.toml_places import Path as Place
from syncd.throttle import RateLimit

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MERGED = ("labels", "headers", "limits", "guard", "timeouts", "rate_limit")
"""Tables of a deployment that `[defaults]` fills key by key; everything else that a deployment writes stands alone."""

LARGEST = MIB
"""The most bytes of a configuration file: some thousand deployments."""

MAPPING_FILES = Wanted(
    {".yaml": 2 * MIB, ".yml": 2 * MIB},
    together=8 * MIB,
    misnamed={"_scope": "call a scope _scope.yaml", "_tests": "call tests of mapping files _tests.yaml"},
)
"""What is read of the mapping directory. YAML is read at 1 MiB a second, and where it is unusual at 50 to 100 KiB."""


def load(path: Path, text: str | None = None) -> Settings:
    """Read a configuration file, or a text that was once in it; paths in it are as seen from its folder.

    Raises:
        ConfigInvalid: with every problem, each at its line and column.
    """
    with reading(str(path), ConfigInvalid):
        return _load(path, text)


def _load(path: Path, text: str | None) -> Settings:
    written = read_toml(str(path), read_config(path) if text is None else text)
    if not written.values:
        _refuse(written.name, "the file says nothing; `syncd init` writes one to start from")
    written, notes = in_todays_names(written)
    folder = path.absolute().parent
    filled = _filled(written.values)
    try:
        config = ConfigFile.model_validate(filled, context={"folder": folder})
    except ValidationError as error:
        raise ConfigInvalid(settings_problems(written, error.errors(include_url=False))) from None
    _sound_defaults(written, config, folder=folder)
    _different_servers(written, config)
    _known_sources(written, config)
    settings = _settings(config, path=path.absolute(), text=written.text)
    _no_empty_waves(written, settings)
    return replace(settings, notes=notes)


def read_config(path: Path) -> str:
    """Read what stands in a configuration file, whatever it says.

    Raises:
        ConfigInvalid: it cannot be read, or is no text.
    """
    name = str(path)
    try:
        content = read_file(path, largest=LARGEST)
    except FileNotFoundError:
        _refuse(name, "there is no such file; `syncd init` writes one, `--config` names another")
    except OSError as error:
        _refuse(name, f"the file cannot be read: {error.strerror}")
    return _decoded(name, content)


def _refuse(name: str, message: str, line: int = 0, column: int = 0) -> Never:
    raise ConfigInvalid([Problem(name, line, column, message)]) from None


def _decoded(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        byte = content[error.start]
        _refuse(name, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", line, column)
    if text.startswith("\ufeff"):
        _refuse(name, "the file starts with a byte order mark; save it as UTF-8 without one", 1, 1)
    return text


# --- defaults ---------------------------------------------------------------------------------------------------------


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill each deployment from `[limits]`, `[guard]` and `[defaults]`; what has the wrong type is left for the check to find."""
    deployments, defaults = values.get("deployments"), values.get("defaults", {})
    if not isinstance(deployments, dict) or not isinstance(defaults, dict):
        return dict(values)
    shared = {name: _of_each(values.get(name, {})) for name in ("limits", "guard")}
    common = _over(shared, defaults)
    return {
        **values,
        "deployments": {
            name: _over(_of_its_kind(common, written), written) if isinstance(written, dict) else written
            for name, written in deployments.items()
        },
    }


def _of_each(table: Any) -> Any:
    """Leave out what is of several deployments together."""
    return {k: v for k, v in table.items() if k not in ("fleet", "label")} if isinstance(table, dict) else table


def _of_its_kind(defaults: Mapping[str, Any], written: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what only deployments of another kind have; what none has is left for the check to find."""
    kind = str(written.get("type", defaults.get("type", USUAL)))
    known = {key for each in TARGETS.values() for key in each.table.model_fields}
    own = TARGETS[kind].table.model_fields if kind in TARGETS else known
    return {key: value for key, value in defaults.items() if key in own or key not in known}


def _over(base: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **written}
    for name in MERGED:
        below, above = base.get(name), written.get(name)
        if isinstance(below, dict) and isinstance(above, dict):
            merged[name] = {**below, **above}
    return merged


def _sound_defaults(written: Written, config: ConfigFile, *, folder: Path) -> None:
    """Refuse a wrong default that no deployment has, because each says otherwise: the next one that is added would have it."""
    defaults = config.defaults
    everywhere = set(defaults).intersection(*written.values["deployments"].values())
    errors = [
        cast("ErrorDetails", {**error, "loc": ("defaults", *error["loc"])})
        for kind in sorted({table.type for table in config.deployments.values()})
        for error in _errors(TARGETS[kind].table, {**defaults, "type": kind}, folder=folder)
        if error["loc"][0] in everywhere
    ]
    if errors:
        raise ConfigInvalid(settings_problems(written, errors))


def _errors(table: type[DeploymentTable], values: Mapping[str, Any], *, folder: Path) -> list[ErrorDetails]:
    try:
        table.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


# --- from tables to settings ------------------------------------------------------------------------------------------


def _different_servers(written: Written, config: ConfigFile) -> None:
    """Refuse two deployments with one address: each would undo what the other does."""
    first: dict[str, str] = {}
    problems = []
    for name, table in config.deployments.items():
        address = str(getattr(table, table.address_key, "")).casefold()
        if address and address in first:
            path = ("deployments", name, table.address_key)
            message = f"{dotted(path)} is the address of {dotted(('deployments', first[address]))} as well"
            problems.append(written.problem(written.places.value(path), message))
        first.setdefault(address, name)
    if problems:
        raise ConfigInvalid(problems)


def _known_sources(written: Written, config: ConfigFile) -> None:
    """Refuse names of sources that there are not."""
    named: list[tuple[Place, str]] = [(("join", "precedence", n), s) for n, s in enumerate(config.join.precedence)]
    for name, table in config.deployments.items():
        own = "login_source" in written.values["deployments"][name]
        path: Place = ("deployments", name, "login_source") if own else ("defaults", "login_source")
        named += [(path, table.login_source)] if table.login_source else []
    near = Strict().near
    problems = [
        written.problem(
            written.places.value(path), f'{dotted(path)}: there is no source "{source}"{_hint(source, config, near)}'
        )
        for path, source in named
        if source not in config.sources
    ]
    if problems:
        raise ConfigInvalid(problems)


def _no_empty_waves(written: Written, settings: Settings) -> None:
    """Refuse a wave that no deployment is in: those that are meant would be in the last one."""
    if settings.rollout is None:
        return
    found = empty_waves(settings.rollout, [each.deployment for each in settings.deployments])
    problems = [
        written.problem(written.places.value(("rollout", "order", number)), f"rollout.order: {why}")
        for number, why in found
    ]
    if problems:
        raise ConfigInvalid(problems)


def _hint(source: str, config: ConfigFile, near: Callable[[str, Collection[str]], str]) -> str:
    return near(source, config.sources) or f"; there are {', '.join(config.sources)}"


def _settings(config: ConfigFile, *, path: Path, text: str) -> Settings:
    deployments = tuple(_deployments(config.deployments))
    return Settings(
        path=path,
        text=text,
        database=_database(config.database, folder=path.parent),
        mappings=config.mappings.directory,
        workers=config.run.workers,
        full_read_every=span(config.run.full_read_every),
        joining=_joining(config),
        sources=tuple(SourceSettings(name, table.type, table.settings()) for name, table in config.sources.items()),
        deployments=deployments,
        areas=tuple(areas_of(config.limits, (each.deployment for each in deployments))),
        daemon=daemon_settings(config.daemon, config.control, folder=path.parent),
        http=http_settings(config.http) if config.http else None,
        notify=notify_settings(config.notify),
        checkpoints=checkpoint_settings(config.checkpoints) if config.checkpoints else None,
        pause=PauseSettings(span(config.pause.longest), open_ended=config.pause.open_ended),
        rollout=wave_order(config.rollout) if config.rollout else None,
        people_until=config.mappings.people_until == "required",
        privileged=config.mappings.privileged == "required",
        most_expansions=config.mappings.most_expansions,
        grants=grants_allowed(config.grants),
    )


def _joining(config: ConfigFile) -> Joining:
    """Put every source in its order: those that are named first, then as they stand in the file."""
    return Joining(
        JoinKey(config.join.key),
        tuple(dict.fromkeys([*config.join.precedence, *config.sources])),
        domains={name: frozenset(table.email_domains) for name, table in config.sources.items()},
        accept_new=config.join.new == "accept",
    )


def _database(table: DatabaseTable, *, folder: Path) -> DatabaseSettings:
    prefix = "sqlite:///"
    local = table.url.startswith(prefix)
    url = prefix + str(folder / table.url.removeprefix(prefix)) if local else table.url
    beside = url.removeprefix(prefix) + ".witness" if local else None
    witness = folder / Path(table.witness).expanduser() if table.witness else beside and Path(beside)
    return DatabaseSettings(url, table.password.secret() if table.password else None, witness or None)


def _deployments(tables: Mapping[str, DeploymentTable]) -> Iterator[DeploymentSettings]:
    kinds = {
        type(table): [other for other in tables.values() if type(other) is type(table)] for table in tables.values()
    }
    namings = {kind: kind.naming_of(of) for kind, of in kinds.items()}
    return (_deployment(name, table, namings[type(table)]) for name, table in tables.items())


def _deployment(name: str, table: DeploymentTable, naming: Naming) -> DeploymentSettings:
    deployment = Deployment(
        name,
        labels={**{nfc(label): nfc(value) for label, value in table.labels.items()}, "name": name},
        username=table.username,
        match_email=table.match_email,
        delete_leavers=table.leavers == "delete",
        remove_manual_grants=table.manual_grants == "remove",
        adopt=Adopt(table.adopt),
        protected=frozenset((*table.protected, *table.break_glass)),
        break_glass=frozenset(table.break_glass),
        login_source=table.login_source or "",
        dag_grace=span(table.dag_grace),
        naming=naming,
        add_only=table.mode == "add-only",
    )
    limits, rate_limit = Limits(**table.limits.model_dump()), RateLimit(**table.rate_limit.model_dump())
    return DeploymentSettings(
        deployment, table.mode != "observe", limits, table.type, table.settings(), rate_limit, _guard(table.guard)
    )


def _guard(table: GuardTable) -> GuardRules:
    return GuardRules(
        table.unmarked == "hold", table.min_admins, frozenset(table.required_admins), frozenset(table.protected_roles)
    )


_DATABASE = re.compile(r"^[ \t]*\[[ \t]*database[ \t]*\]", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[(?![ \t]*database[ \t]*\.)", re.MULTILINE)


def database_of(path: Path) -> DatabaseSettings | None:
    """Read where the database is from a file that cannot be used otherwise, by its table `[database]` alone.

    None: not even that can be read. A file that does not speak of a database has the one that is used by itself.
    """
    try:
        text = read_config(path)
        found = _DATABASE.search(text)
        if found is None:
            return None if "database" in text else _database(DatabaseTable(), folder=path.absolute().parent)
        rest = text[found.end() :]
        end = _NEXT_TABLE.search(rest)
        values = read_toml(str(path), "[database]" + (rest[: end.start()] if end else rest)).values
        folder = path.absolute().parent
        return _database(DatabaseTable.model_validate(values["database"], context={"folder": folder}), folder=folder)
    except (ConfigInvalid, ValueError, RecursionError):  # what pydantic raises is a ValueError
        return None


# --- mapping files ----------------------------------------------------------------------------------------------------


def read_mappings(directory: Path) -> Mapping[str, bytes]:
    """Read every mapping file: the name that people are shown (`mappings/finance.yaml`) to its bytes, sorted.

    Raises:
        ConfigInvalid: there is no such directory, nothing in it, or a part of it cannot be read.
    """
    try:
        return read_folder(directory, MAPPING_FILES)
    except FolderUnreadable as error:
        raise ConfigInvalid(
            [Problem(f"{directory.name}/", 0, 0, f"the mapping files cannot be read: {error}")]
        ) from error
