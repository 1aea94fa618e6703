"""Every key of `_tests.yaml`, in one table; see `keys`."""

from __future__ import annotations

from typing import Final

from syncd.mapping.key_shapes import Either, Flag, Key, KeyTable, ListOf, Named, Number, Ref, Text, Word, some
from syncd.mapping.keys import (
    BINDING,
    DAGS_OF_SCOPE,
    GROUP,
    GROUP_TEXT,
    LABEL_TEST,
    LABELS,
    LEFT_OUT,
    MEMBERS,
    PERSON,
    WHERE,
    WORDS,
)
from syncd.model import Level

MOST_TESTS: Final = 2_000
"""So many tests may stand beside all mapping files together: each of them is decided within a few seconds for all."""
VERBS: Final = ("can", "cannot", "has", "has_not")
OF_ROLE: Final = ("owner", "description")
OF_BINDING: Final = ("owner", "reason", "ticket", "until")
"""What every role, or every binding, can be asked to say."""

_WHOM_KEYS: Final = (*BINDING.one, "where", "none_of", "except")
WHOM: Final = KeyTable(
    "whom",
    "whom a test is about, as a binding says it",
    BINDING.among(*_WHOM_KEYS),
    one=BINDING.one,
    never=BINDING.never,
)
_WHOM: Final = Either((GROUP_TEXT, Ref("whom")))
_EVERY: Final = ("every_role_has", "every_binding_has")

TEST: Final = KeyTable(
    "test",
    "what has to be true of the mapping files",
    (
        Key(
            "person",
            Text(),
            "an e-mail address, a login or an id: the person has it (`can`, `has`), everywhere and on each of the DAGs; or has "
            "it nowhere, on none of them (`cannot`, `has_not`)",
        ),
        Key(
            "nobody_in",
            _WHOM,
            "a group, or what [a binding](mapping.md#bindings) says of whom it is for (`{any_of: [...]}` and the like): nobody "
            "there has it, on any of the DAGs",
        ),
        Key("nobody_outside", _WHOM, "the same: nobody else has it, no account of `accounts` either"),
        Key("nobody_has_both", ListOf(Text(), least=2, most=2), "two roles: nobody has both of them on one deployment"),
        Key(
            "at_most",
            Number(),
            "a whole number: so many people and accounts have it on each deployment, and no more; 0 is nobody",
        ),
        Key(
            "every_role_has",
            some(Word(OF_ROLE)),
            "`owner`, `description`, or a list of them: every role of a mapping file says it",
        ),
        Key(
            "every_binding_has",
            some(Word(OF_BINDING)),
            "`owner`, `reason`, `ticket`, `until`, or a list of them: every binding says it",
        ),
        Key("can", Word(tuple(Level)), "a [level](mapping.md#levels): this one or a higher one is had"),
        Key("cannot", Word(tuple(Level)), "the same, beside `person`: it is not had"),
        Key("has", Text(), "a role that is had"),
        Key("has_not", Text(), "beside `person`: a role that is not had"),
        Key("dag", Text(), "with `can` and `cannot`: one DAG by its id"),
        Key(
            "dags",
            Ref("dags"),
            "with `can` and `cannot`: which DAGs, as [a role](mapping.md#which-dags) says it, without a level",
        ),
        Key("deployments", LABELS, "`all`, or [labels](mapping.md#deployments); required, but beside `every_...`"),
        Key("reason", Text(), "told where the test does not hold"),
    ),
    one=("person", "nobody_in", "nobody_outside", "nobody_has_both", "at_most", *_EVERY),
    never=(
        ("nobody_has_both", (*VERBS, "dag", "dags")),
        *((every, (*VERBS, "dag", "dags", "deployments")) for every in _EVERY),
        ("can", ("cannot", "has", "has_not")),
        ("cannot", ("has", "has_not")),
        ("has", ("has_not", "dag", "dags")),
        ("has_not", ("dag", "dags")),
        ("dag", ("dags",)),
    ),
    only=(
        *((kind, ("deployments",)) for kind in ("person", "nobody_in", "nobody_outside", "nobody_has_both", "at_most")),
        ("cannot", ("person",)),
        ("has_not", ("person",)),
    ),
)


def beside(kind: str) -> tuple[str, ...]:
    """Give the keys that may stand beside what a test begins with."""
    never, only = dict(TEST.never).get(kind, ()), dict(TEST.only)
    others = (key for key in TEST.known if key not in TEST.one and key not in never)
    return tuple(key for key in others if kind in only.get(key, (kind,)))


GIVEN_PERSON: Final = KeyTable(
    "given_person",
    "somebody of the small world",
    (
        Key("email", Text(), "the address, which is the login and the id too"),
        *WHERE.among("department", "user_type", "guest"),
        Key("inactive", Flag(), "whether the account is inactive at this source"),
    ),
    required=("email",),
)
GIVEN_DAG: Final = KeyTable(
    "given_dag",
    "a DAG of the small world",
    (
        Key("id", Text(), "the DAG id"),
        Key("tags", some(Text()), "its tags"),
        Key("owners", some(Text()), "its owners"),
        Key("bundle", Text(), "its bundle"),
        Key("path", Text(), "its file"),
    ),
    required=("id",),
)
GIVEN: Final = KeyTable(
    "given",
    "the small world that the tests of a file are judged in",
    (
        Key(
            "groups",
            Named(ListOf(Text(), least=0, distinct=False), names=GROUP_TEXT.pattern),
            "by `source:name`, or by the id that the mapping has: a list of e-mail addresses. A group that is not here is not "
            "there",
        ),
        Key(
            "people",
            Named(ListOf(Either((Text(), Ref("given_person"))), distinct=False)),
            "by source: people who are in no group, or of whom the source says more: `{email: ..., department: ...}`, "
            "`user_type`, `guest`, `inactive`",
        ),
        Key(
            "deployments",
            Named(Named(Text())),
            "by name: their labels. Those of the configuration, if it is left out",
        ),
        Key(
            "dags",
            ListOf(Ref("given_dag"), least=0),
            "the DAGs of each deployment: `id`, and `tags`, `owners`, `bundle`, `path`",
        ),
        Key(
            "release",
            Text(r"^[23]\.[0-9]{1,3}(\.[0-9]{1,3})?$"),
            'of Airflow, `"3.1"` or `"2.10"`: what the levels are spelled as. The newest, if it is left out',
        ),
    ),
)
TESTS_FILE: Final = KeyTable(
    "tests",
    "what has to be true of the mapping files of syncd, whatever anybody writes into them",
    (
        Key("given", Ref("given"), "[a small world](#in-which-world) that these tests are judged in"),
        Key("tests", ListOf(Ref("test"), most=MOST_TESTS, distinct=False), "a list of [tests](#what-a-test-says)"),
    ),
    required=("tests",),
)

OF_TESTS: Final = (
    TESTS_FILE, TEST, WHOM, GIVEN, GIVEN_PERSON, GIVEN_DAG, DAGS_OF_SCOPE, LEFT_OUT, WORDS, MEMBERS, WHERE, GROUP, PERSON,
    LABEL_TEST,
)  # fmt: skip
