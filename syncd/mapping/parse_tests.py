"""`_tests.yaml`: what has to be true of the mapping files, whatever these come to say.

No pass reads tests, so a mistake in one, or a test that does not hold, keeps no pass from being made: `check` tells both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from syncd import errors
from syncd.errors import MappingInvalid
from syncd.mapping.files_of_tests import EMPTY, is_tests
from syncd.mapping.keys_of_tests import MOST_TESTS, OF_BINDING, OF_ROLE, TEST, TESTS_FILE, VERBS, beside
from syncd.mapping.parse_dags import read_dags, read_level
from syncd.mapping.parse_given import read_given
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_subjects import read_group_or_subject
from syncd.mapping.patterns import is_literal
from syncd.mapping.reading import MappingReading, is_readable
from syncd.model import Asking, At, DagSelector, LabelTest, Level, Naming, Rules
from syncd.model.mapping_tests import (
    BothTest,
    Entitlement,
    EveryTest,
    MappingTest,
    MostTest,
    NobodyTest,
    PersonTest,
    TestFile,
)
from syncd.model.patterns import as_glob
from syncd.text.document import Node, Scalar, Table, read_document

_EVERY: Final = {"role": OF_ROLE, "binding": OF_BINDING}


def parse_tests(
    files: Mapping[str, bytes],
    *,
    namings: Collection[Naming],
    sources: frozenset[str] | None = None,
    asking: Asking | None = None,
    rules: Rules | None = None,
) -> tuple[TestFile, ...]:
    """Read the tests among some files. `rules` are those of the mapping files; None: they could not be read.

    Raises:
        MappingInvalid: carries every problem of every file of tests.
    """
    reading = MappingReading(sources, namings, asking=asking)
    built_in = frozenset[str]().union(*(naming.built_in_roles for naming in namings))
    known = None if rules is None else _Roles(built_in | rules.roles.keys(), tuple(map(as_glob, rules.templates)))
    found: list[TestFile] = []
    for file in sorted(filter(is_tests, files)):
        with errors.reading(file, MappingInvalid):
            root = read_document(file, files[file], reading.strict.problems, empty=EMPTY)
            if root is not None and is_readable(reading, root):
                found.append(_file(reading, root, known, before=sum(len(of.tests) for of in found)))
    if reading.strict.problems:
        raise MappingInvalid(reading.strict.problems)
    return tuple(found)


def _file(reading: MappingReading, root: Node, roles: _Roles | None, *, before: int) -> TestFile:
    found = reading.strict.record(root, "a file of tests", known=TESTS_FILE.known, required=TESTS_FILE.required)
    given = read_given(reading, found["given"]) if "given" in found else None
    entries = reading.strict.items(found.get("tests"), "`tests`", at_least=1)
    if before + len(entries) > MOST_TESTS:
        said = f"no more than {MOST_TESTS:,} tests may stand beside all mapping files, and with these there are"
        reading.strict.wrong(
            entries[0].at, f"{said} {before + len(entries):,}; write fewer, of more people or DAGs each"
        )
        return TestFile((), given)
    read = [_Entry(reading, node, roles).test() for node in entries]
    return TestFile(tuple(test for test in read if test), given)


@dataclass(frozen=True, slots=True)
class _Roles:
    """The roles that a test may name: those that files define, built-in ones, and what patterns may make, by glob."""

    names: frozenset[str]
    made: tuple[str, ...]

    def has(self, name: str) -> bool:
        return name in self.names or any(fnmatchcase(name, glob) for glob in self.made)


class _Entry:
    """Reads one test."""

    def __init__(self, reading: MappingReading, node: Node, roles: _Roles | None) -> None:
        self.reading, self.strict, self.node, self.roles = reading, reading.strict, node, roles
        self.found: Mapping[str, Node] = {}

    def test(self) -> MappingTest | None:
        """Give the test; None where it cannot be told."""
        kind = self._kind()
        if kind is None:
            return None
        before = len(self.strict.problems)
        known = (kind, *beside(kind))
        needed = dict(TEST.only).get(kind, ())
        self.found = self.strict.record(self.node, f"a test with `{kind}`", known=known, required=needed)
        reason = self.strict.text(self.found.get("reason"), "`reason`", free=True) or ""
        made = _READ[kind](self, self.found[kind], reason)
        return made if len(self.strict.problems) == before else None

    def _kind(self) -> str | None:
        """Find what the test begins with."""
        listed = ", ".join(f"`{kind}`" for kind in TEST.one)
        if not isinstance(self.node, Table):
            self.strict.wrong_type(self.node, "an entry of `tests`", "keys with values")
            return None
        names = {name.text: name.at for name, _ in self.node.entries}
        given = [kind for kind in TEST.one if kind in names]
        if not given:
            word = next(iter(names), "")
            hint = self.strict.near(word, TEST.one) or f"; write one of {listed}"
            self.strict.wrong(self.node.at, f"this does not say what is tested{hint}")
        elif len(given) > 1:
            self.strict.wrong(names[given[1]], f"a test has one of {listed}; write two tests")
        return given[0] if len(given) == 1 else None

    @property
    def at(self) -> At:
        return self.node.at

    # --- the kinds ----------------------------------------------------------------------------------------------------

    def person(self, node: Node, reason: str) -> MappingTest:
        word = self.strict.text(node, "`person`") or ""
        verb = self._verb(VERBS)
        return PersonTest(self.at, word, verb in ("can", "has"), self._right(verb), self._where(), reason)

    def nobody_in(self, node: Node, reason: str) -> MappingTest | None:
        return self._nobody(node, reason, "`nobody_in`", inside=True)

    def nobody_outside(self, node: Node, reason: str) -> MappingTest | None:
        return self._nobody(node, reason, "`nobody_outside`", inside=False)

    def _nobody(self, node: Node, reason: str, what: str, *, inside: bool) -> MappingTest | None:
        subject = read_group_or_subject(self.reading, node, what)
        right, where = self._right(self._verb(("can", "has"))), self._where()
        return NobodyTest(self.at, subject, inside, right, where, reason) if subject else None

    def nobody_has_both(self, node: Node, reason: str) -> MappingTest | None:
        roles = self.strict.texts(node, "`nobody_has_both`")
        for role in roles:
            self._known_role(role)
        where = self._where()
        if len(roles) == 2:
            return BothTest(self.at, (roles[0].text, roles[1].text), where, reason)
        if roles:
            self.strict.wrong(node.at, "`nobody_has_both` takes two roles; write a test for each pair")
        return None

    def at_most(self, node: Node, reason: str) -> MappingTest:
        most = self._number(node)
        return MostTest(self.at, most, self._right(self._verb(("can", "has"))), self._where(), reason)

    def every_role_has(self, node: Node, reason: str) -> MappingTest:
        return self._every(node, "role", reason)

    def every_binding_has(self, node: Node, reason: str) -> MappingTest:
        return self._every(node, "binding", reason)

    def _every(self, node: Node, of: str, reason: str) -> MappingTest:
        keys = self.strict.texts(node, f"`every_{of}_has`", alone=True)
        for key in keys:
            if key.text not in _EVERY[of]:
                hint = self.strict.near(key.text, _EVERY[of]) or f"; there are {', '.join(_EVERY[of])}"
                self.strict.wrong(key.at, f'no test asks whether a {of} has "{key.text}"{hint}')
        return EveryTest(self.at, of, tuple(key.text for key in keys), reason)

    # --- what they have in common -------------------------------------------------------------------------------------

    def _verb(self, among: tuple[str, ...]) -> str:
        given = [verb for verb in among if verb in self.found]
        if len(given) == 1:
            return given[0]
        listed = " or ".join(f"`{verb}`" for verb in among)
        self.strict.wrong(self.at, f"this test needs one of {listed}")
        return ""

    def _right(self, verb: str) -> Entitlement:
        about = [key for key in ("dag", "dags") if key in self.found]
        if verb in ("has", "has_not"):
            role = self.strict.text(self.found[verb], f"`{verb}`")
            if role and isinstance(self.found[verb], Scalar):
                self._known_role(self.found[verb])
            for key in about:
                self.strict.wrong(self.found[key].at, f"`{verb}` is about a role, so `{key}` says nothing; take it out")
            return Entitlement(role or "")
        level = read_level(self.strict, self.found.get(verb)) if verb else None
        if verb and len(about) != 1:
            self.strict.wrong(self.at, f"`{verb}` needs `dag` or `dags`: which DAGs it is about")
        dags = list(self._dags(about[0])) if len(about) == 1 else []
        return Entitlement(level=level or Level.VIEW, dags=dags[0] if dags else None)

    def _dags(self, key: str) -> Iterator[DagSelector]:
        node = self.found[key]
        if key == "dags":
            yield read_dags(self.reading, node)
        elif word := self.strict.text(node, "`dag`"):
            if not is_literal(word):
                self.strict.wrong(node.at, f'"{word}" is more than one DAG; write {{dags: {{id: ...}}}}')
            yield DagSelector(Level.VIEW, node.at, ids=(word,))

    def _where(self) -> tuple[LabelTest, ...]:
        labels = read_deployments(self.strict, self.found["deployments"]) if "deployments" in self.found else ()
        return labels or ()

    def _known_role(self, node: Node) -> None:
        if isinstance(node, Scalar) and self.roles is not None and not self.roles.has(node.text):
            hint = (
                self.strict.near(node.text, self.roles.names)
                or "; name one that a mapping file defines, or a built-in one"
            )
            self.strict.wrong(node.at, f'the role "{node.text}" is not defined{hint}')

    def _number(self, node: Node) -> int:
        if isinstance(node, Scalar) and node.text.isascii() and node.text.isdigit() and len(node.text) < 10:
            return int(node.text)
        self.strict.wrong(node.at, "`at_most` must be a whole number, as in `at_most: 3`")
        return 0


_READ: Final[Mapping[str, Callable[[_Entry, Node, str], MappingTest | None]]] = {
    kind: getattr(_Entry, kind) for kind in TEST.one
}
