"""An entry of a role's `dags`: a level, and the DAGs that it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from syncd.mapping.keys import DAGS_OF_SCOPE, ENTRY, KINDS, LEFT_OUT, WORDS
from syncd.mapping.patterns import MOST_REGEXES, glob_problem, id_problem, is_regex, variable_problem
from syncd.mapping.reading import MappingReading, words
from syncd.model import At, DagSelector, Level
from syncd.model.patterns import variables
from syncd.text.document import Items, Node, Scalar, Table
from syncd.text.strict import Strict

_EVERY = ("*",)
_ENTRY = "an entry of `dags`"
_LEFT_OUT = "an entry of `not`"


def read_selector(reading: MappingReading, node: Node, *, is_template: bool = False) -> DagSelector | None:
    """Read a level and the DAGs that it is for; None: there is no such level. `is_template`: it may be a variable."""
    found = reading.strict.record(node, _ENTRY, known=ENTRY.known, required=ENTRY.required)
    written = found.get("level")
    variable = written.text if is_template and isinstance(written, Scalar) and variables(written.text) else ""
    level = Level.VIEW if variable else read_level(reading.strict, written)
    # Where the level is wrong the rest is read all the same, for what is wrong with it.
    selector = _selected(reading, level or Level.VIEW, node, found)
    also = tuple(_also(reading, found.get("also")))
    return replace(selector, also=also, variable=variable) if level else None


def read_dags(reading: MappingReading, node: Node) -> DagSelector:
    """Read which DAGs are meant, where no level stands beside them; the level that they are given says nothing."""
    return _selected(reading, Level.VIEW, node, reading.strict.record(node, _ENTRY, known=DAGS_OF_SCOPE.known))


def _selected(reading: MappingReading, level: Level, node: Node, found: Mapping[str, Node]) -> DagSelector:
    if isinstance(node, Table) and not set(ENTRY.some) & found.keys():
        kinds = "`id`, `tag`, `owner`, `bundle` or `path`"
        reading.strict.wrong(node.at, f"{_ENTRY} needs {kinds}; write `all: true` for every DAG")
    every = _every(reading.strict, found)
    chosen = _chosen(reading, level, node.at, found)
    but = tuple(_left_out(reading, level, inner) for inner in _several(found.get("not")))
    return replace(chosen, ids=_EVERY if every else chosen.ids, but=but)


def _also(reading: MappingReading, node: Node | None) -> Iterator[str]:
    """Read what is given beside the level, each word as the target's naming has it."""
    known = tuple(dict.fromkeys(word for naming in reading.namings for word in naming.dag_actions))
    for word in reading.strict.texts(node, "`also`", alone=True):
        if all(word.text in naming.dag_actions for naming in reading.namings):
            yield word.text
        else:
            hint = reading.strict.near(word.text, known) or f"; there are {', '.join(known)}"
            reading.strict.wrong(word.at, f'"{word.text}" is nothing that can be done with one DAG{hint}')


def _several(node: Node | None) -> Iterable[Node]:
    """Give the entries of a list, or the one that stands there in place of a list."""
    if node is None:
        return ()
    return node.items if isinstance(node, Items) and node.items else (node,)


def _every(strict: Strict, found: Mapping[str, Node]) -> bool:
    """Read `all`, which takes no kind beside it."""
    if "all" not in found:
        return False
    every = strict.flag(found["all"], "`all`")
    if every is False:
        strict.wrong(found["all"].at, "`all` is every DAG, so it is true or left out")
    for kind in KINDS if every else ():
        if kind in found:
            strict.wrong(
                found[kind].at, f"`all` is every DAG, so `{kind}` says nothing beside it; take one of them out"
            )
    return bool(every)


def _left_out(reading: MappingReading, level: Level, node: Node) -> DagSelector:
    found = reading.strict.record(node, _LEFT_OUT, known=LEFT_OUT.known)
    if isinstance(node, Table) and not found and not node.entries:
        reading.strict.wrong(node.at, f"{_LEFT_OUT} needs `id`, `tag`, `owner`, `bundle` or `path`, or take `not` out")
    return _chosen(reading, level, node.at, found)


def _chosen(reading: MappingReading, level: Level, at: At, found: Mapping[str, Node]) -> DagSelector:
    """Read the kinds by which DAGs are chosen."""
    strict = reading.strict
    ids, bundles, paths = (strict.texts(found.get(kind), f"`{kind}`", alone=True) for kind in ("id", "bundle", "path"))
    tags, all_tags = _words(strict, found.get("tag"), "`tag`")
    owners, all_owners = _words(strict, found.get("owner"), "`owner`")
    _check_patterns(reading, ids, paths)
    for owner in (*owners, *all_owners):
        if owner.text != owner.text.strip():
            strict.wrong(
                owner.at, f'the owner "{owner.text}" begins or ends with a blank, and no owner does; take it out'
            )
    return DagSelector(
        level,
        at,
        words(ids),
        words(tags),
        words(owners),
        words(all_tags),
        words(all_owners),
        words(bundles),
        words(paths),
    )


def _words(strict: Strict, node: Node | None, what: str) -> tuple[tuple[Scalar, ...], tuple[Scalar, ...]]:
    """Read words of which one is enough, and words that all have to be there: a list, or `{any: [...], all: [...]}`."""
    if not isinstance(node, Table):
        return strict.texts(node, what, alone=True), ()
    found = strict.record(node, what, known=WORDS.known)
    if not node.entries:
        strict.wrong(node.at, f"{what} says nothing; write a word, a list of words, or {{all: [...]}}")
    one, every = (strict.texts(found.get(key), f"`{key}`", alone=True) for key in ("any", "all"))
    return one, every


def _check_patterns(reading: MappingReading, ids: Sequence[Scalar], paths: Sequence[Scalar]) -> None:
    for pattern in ids:
        reading.regexes |= {pattern.text} if is_regex(pattern.text) else set()
        if len(reading.regexes) > MOST_REGEXES:
            said = f"there are more than {MOST_REGEXES} different regular expressions in all files"
            reading.strict.wrong(pattern.at, f"{said}; choose by tag or by glob instead")
        elif problem := id_problem(pattern.text):
            reading.strict.wrong(pattern.at, problem)
    for path in paths:
        if problem := glob_problem(path.text) or _path_problem(path.text):
            reading.strict.wrong(path.at, problem)
    for glob in (*ids, *paths):
        if problem := "" if is_regex(glob.text) else variable_problem(glob.text):
            reading.strict.wrong(glob.at, problem)


def _path_problem(path: str) -> str:
    if path.startswith(("/", "./", "../")):
        return f'the path "{path}" has to begin below the bundle or the DAGs folder, as in "finance/*"; take the beginning out'
    return ""


def read_level(strict: Strict, node: Node | None) -> Level | None:
    """Read a level; None: there is none."""
    word = strict.text(node, "`level`")
    if node is None or word is None:
        return None
    if word not in set(Level):
        hint = strict.near(word, tuple(Level)) or "; write view, trigger, edit or own"
        strict.wrong(node.at, f'unknown level "{word}"{hint}')
        return None
    return Level(word)
