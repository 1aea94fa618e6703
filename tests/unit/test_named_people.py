"""Whom a line means that names people one by one, row by row of the table in `directory/named_people.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from mapping_world import NOW, group, person, snapshot

from syncd.directory.join import join
from syncd.directory.named_people import named_people, new_pins
from syncd.model import EVERYONE, AnyOf, At, Directory, FoundPerson, Identity, Joining, JoinKey, PersonRef, Rule

ANNA = PersonRef(name="anna@corp.example")
HERE = person("1", login="anna", email="Anna@corp.example")
OTHER = person("2", login="ann2", email="anna@corp.example")
OURS = {"people": frozenset({"corp.example"}), "okta": frozenset({"partner.example"})}
THEIRS = {"people": frozenset({"partner.example"})}
PIN = {("people", "{person}anna@corp.example"): "1"}


def directory(
    *people: Identity,
    failed: Iterable[str] = (),
    whole: bool = True,
    pins: dict[tuple[str, str], str] | None = None,
    domains: dict[str, frozenset[str]] | None = None,
) -> Directory:
    """Read everybody in each source, and join by e-mail."""
    sources = sorted({"people"} | {i.source for i in people})
    fresh = {}
    for source in sources:
        mine = [i for i in people if i.source == source]
        everybody = group(EVERYONE, *(i.id for i in mine), source=source, identifier=EVERYONE, complete=whole)
        fresh[source] = snapshot(mine, everybody, source=source)
    joining = Joining(JoinKey.EMAIL, tuple(sources), domains=domains or {})
    return join(fresh, {}, dict.fromkeys(failed, "it is down"), names=pins or {}, joining=joining)


def found(ref: PersonRef, known: Directory) -> FoundPerson:
    return named_people([Rule(AnyOf((ref,)), ("Op",), (), At("m.yaml", 1))], known)[ref]


def who(person: FoundPerson) -> set[str]:
    return {id_ for _, id_ in person.who}


@pytest.mark.parametrize(
    ("known", "expected", "code", "is_open"),
    [
        pytest.param(directory(HERE), {"1"}, "", False, id="one person has the e-mail, in whatever case"),
        pytest.param(directory(HERE, domains=OURS), {"1"}, "", False, id="its source answers for the domain"),
        pytest.param(directory(HERE, OTHER, domains=THEIRS), {"1", "2"}, "person_unproven", True, id="it does not"),
        pytest.param(
            directory(HERE, replace(OTHER, source="okta"), domains=OURS), {"1"}, "", False, id="one of two sources does"
        ),
        pytest.param(
            directory(replace(HERE, login="anna@corp.example"), domains=THEIRS), {"1"}, "", False, id="it is a login"
        ),
        pytest.param(directory(), set(), "person_missing", False, id="nobody has it"),
        pytest.param(directory(HERE, OTHER), set(), "person_shared", True, id="two have it"),
        pytest.param(directory(HERE, whole=False), set(), "person_unread", True, id="not everybody was read"),
        pytest.param(directory(HERE, failed=["okta"]), set(), "person_unread", True, id="another source failed"),
        pytest.param(directory(HERE, pins=PIN), {"1"}, "", False, id="remembered, and it is theirs"),
        pytest.param(
            directory(HERE, OTHER, pins=PIN), {"1"}, "", False, id="remembered, and theirs and somebody else's"
        ),
        pytest.param(
            directory(HERE, failed=["okta"], pins=PIN), {"1"}, "", False, id="remembered, while another source failed"
        ),
        pytest.param(
            directory(replace(HERE, email="a.new@corp.example"), OTHER, pins=PIN),
            {"1"},
            "person_renamed",
            False,
            id="remembered, and somebody else's",
        ),
        pytest.param(directory(OTHER, pins=PIN), set(), "person_recreated", True, id="remembered and gone, and taken"),
        pytest.param(directory(pins=PIN), set(), "person_missing", False, id="remembered and gone"),
        pytest.param(directory(whole=False, pins=PIN), {"1"}, "person_unread", True, id="remembered, and not seen"),
        pytest.param(
            directory(HERE, replace(OTHER, source="okta")), {"1", "2"}, "", False, id="one person in two sources"
        ),
    ],
)
def test_whom_a_word_means(known: Directory, expected: set[str], code: str, is_open: bool) -> None:
    person = found(ANNA, known)

    assert (expected, code, is_open) == (who(person), person.code, person.is_open)
    assert bool(code) == bool(person.text)


@pytest.mark.parametrize(
    ("ref", "known", "expected", "code"),
    [
        (PersonRef("people", "1", "anna@corp.example"), directory(HERE, OTHER), {"1"}, ""),
        (PersonRef("people", "1", "old@corp.example"), directory(HERE), {"1"}, "person_renamed"),
        (PersonRef("people", "3"), directory(HERE), set(), "person_missing"),
        (PersonRef("people", "3"), directory(HERE, whole=False), {"3"}, "person_unread"),
        (PersonRef("people", name="ANNA"), directory(HERE, replace(HERE, source="okta")), {"1"}, ""),
        (PersonRef("okta", name="anna"), directory(HERE, failed=["okta"]), set(), "person_unread"),
    ],
)
def test_whom_an_id_or_a_word_in_one_source_means(
    ref: PersonRef, known: Directory, expected: set[str], code: str
) -> None:
    assert (expected, code) == (who(found(ref, known)), found(ref, known).code)


def test_who_was_found_by_a_word_is_remembered_and_nobody_else() -> None:
    known = directory(HERE, OTHER)
    refs = {ANNA: found(ANNA, known), PersonRef(name="ann2"): found(PersonRef(name="ann2"), known)}

    assert {("people", "{person}ann2"): "2"} == new_pins(replace(known, named=refs))
    assert {} == new_pins(replace(known, named=refs, names={("people", "{person}ann2"): "2"}))
    assert NOW == known.groups["people", EVERYONE].group.certificate.taken_at
