"""Who is one person, who stands alone, and what they are told: by what is known of them and by who answers for an address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.directory.persons import described, login_identity, with_persons
from syncd.model import Directory, Identity, Joining, JoinKey, KnownPersons, Note, PersonKey

SOURCES = ("okta", "entra", "files")
CORP = frozenset({"corp.example"})
BY_EMAIL = Joining(JoinKey.EMAIL, SOURCES)
ANSWERED = replace(BY_EMAIL, domains=dict.fromkeys(SOURCES, CORP))
EMAIL = "ann@corp.example"


def one(source: str, id_: str, email: str = EMAIL, *, given: str = "Ann", family: str = "Test") -> Identity:
    return Identity(source, id_, "", email, given, family)


OKTA, ENTRA, FILES, SECOND = one("okta", "1"), one("entra", "2"), one("files", "3"), one("okta", "9")


def known(**names: str) -> KnownPersons:
    """Say by source and id, as in `okta1`, by which name each is known; every source was read before."""
    persons = {(key_[:-1], key_[-1]): name for key_, name in names.items()}
    return KnownPersons(persons, frozenset(SOURCES))


def joined(*people: Identity, joining: Joining = BY_EMAIL, known_as: KnownPersons | None = None) -> Directory:
    whole = Directory({(i.source, i.id): i for i in people}, {})
    return with_persons(whole, joining, known() if known_as is None else known_as, read=SOURCES)


def together(directory: Directory) -> set[tuple[str, ...]]:
    return {tuple(f"{i.source}{i.id}" for i in person.accounts) for person in directory.persons.values()}


def joins(directory: Directory) -> dict[str, str]:
    return {f"{source}{id_}": name for (source, id_), name in directory.joins.persons.items()}


PAIR = known(okta1="p", entra2="p")
BOTH = "okta:1 (id 1) and entra:2 (id 2)"
THREE = (
    "okta:1 (id 1) and entra:2 (id 2) and files:3 (id 3) have one e-mail now and had not before: each stands alone until "
    "somebody says that they are one person: syncd accept-person okta:1 entra:2 files:3"
)
NOT_SHE = (
    'okta:9 (id 9) has the e-mail "ann@corp.example" of entra:2 (id 2) and okta:1 (id 1), who are known to be one person: '
    "it stands alone; correct it at the source"
)


def test_who_gets_the_email_of_a_known_person_is_asked_about() -> None:
    """In the order of precedence, whichever was read first."""
    found = joined(FILES, ENTRA, OKTA, known_as=PAIR)
    assert ({("okta1", "entra2")}, {}) == (together(found), joins(found))
    assert ((Note("person_joined", THREE),), ((OKTA, ENTRA, FILES),)) == (found.notes, found.waiting)


def test_where_all_answer_for_the_address_they_are_one_more() -> None:
    """Whoever shares a source with one of them is another person, and is told."""
    found = joined(OKTA, ENTRA, FILES, SECOND, joining=ANSWERED, known_as=PAIR)
    assert ({("okta1", "entra2", "files3")}, {"files3": "p"}) == (together(found), joins(found))
    assert ((Note("join_ambiguous", NOT_SHE),), ()) == (found.notes, found.waiting)


def test_the_domain_of_an_address_is_what_follows_its_last_sign() -> None:
    odd, wrong = '"ann@home"@corp.example', '"ann@corp.example"@home'
    for email, is_one in ((odd, True), (wrong, False), ("corp.example", False)):
        found = joined(replace(OKTA, email=email), replace(ENTRA, email=email), joining=ANSWERED)
        assert ({("okta1", "entra2")} if is_one else set()) == together(found)


def test_a_name_that_two_share_is_the_name_of_the_person() -> None:
    """Okta's account was known with somebody who is gone. Who has that name already keeps it unsaid."""
    found = joined(OKTA, ENTRA, FILES, joining=ANSWERED, known_as=known(okta1="old", entra2="p", files3="p"))
    assert ({("okta1", "entra2", "files3")}, {"okta1": "p"}) == (together(found), joins(found))
    nobody = joined(OKTA, ENTRA, joining=ANSWERED, known_as=known(okta1="old", entra2="new"))
    assert {"okta1": "entra:2", "entra2": "entra:2"} == joins(nobody)


def test_two_known_people_of_one_address_stay_two() -> None:
    found = joined(OKTA, ENTRA, SECOND, FILES, known_as=known(okta1="p", entra2="p", okta9="q", files3="q"))
    assert ({("okta1", "entra2"), ("okta9", "files3")}, ()) == (together(found), found.notes)
    assert {} == joins(found)


def test_who_cannot_be_told_apart_stands_alone_and_says_why() -> None:
    """At first sight nobody could ever tell: that is remembered. Later it is told, and nothing else."""
    said = f'entra:2 (id 2) and okta:1 (id 1) and okta:9 (id 9) have one e-mail, "{EMAIL}", and '
    told = (
        f"{said}two of them are of one source, so nobody knows who is who: each stands alone; correct it at the source, or "
        "join by another key"
    )
    who: list[PersonKey] = [("okta", "1"), ("entra", "2"), ("okta", "9")]
    first = joined(OKTA, ENTRA, SECOND, known_as=KnownPersons())
    assert (set(), (Note("join_ambiguous", told),)) == (together(first), first.notes)
    assert dict.fromkeys(who, f"{said}nobody knows who is who") == first.mistaken
    assert dict.fromkeys(who, "") == first.joins.persons
    later = joined(OKTA, ENTRA, SECOND)
    assert ({}, {}, (Note("join_ambiguous", told),)) == (later.mistaken, later.joins.persons, later.notes)
    assert first.joins.sources == set(SOURCES)
    assert later.joins.sources == set()


def test_who_could_not_be_told_apart_once_is_in_doubt_with_whoever_comes() -> None:
    found = joined(OKTA, ENTRA, SECOND, known_as=known(okta1=""))
    assert {("okta", "1"), ("entra", "2"), ("okta", "9")} == found.mistaken.keys()
    assert {"entra2": "", "okta9": ""} == joins(found)


@pytest.mark.parametrize(("pairs", "rest"), [(20, 0), (21, 1), (1030, 1010)])
def test_of_many_joins_that_wait_some_are_told_and_the_rest_is_counted(pairs: int, rest: int) -> None:
    people = [one(source, f"{n}", f"p{n}@corp.example") for n in range(pairs) for source in ("okta", "entra")]
    found = joined(*people)
    assert pairs == len(found.waiting)
    assert min(pairs, 20) == sum("accept-person" in note.text for note in found.notes)
    text = f"{rest:,} more pairs of accounts have one e-mail now and had not before; see docs/sources.md"
    assert [Note("person_joined", text)] * bool(rest) == [n for n in found.notes if "accept-person" not in n.text]


def test_where_nothing_is_joined_no_source_is_above_another_and_nothing_is_remembered() -> None:
    found = joined(OKTA, ENTRA, joining=Joining(JoinKey.NONE, SOURCES), known_as=KnownPersons())
    assert ({}, (), KnownPersons(), ()) == (found.persons, found.order, found.joins, found.notes)
    assert SOURCES == joined(OKTA, ENTRA).order


NAMELESS = one("okta", "1", given=" ", family="")


@pytest.mark.parametrize(
    ("login", "others", "names", "email"),
    [
        pytest.param(OKTA, (one("entra", "2", given="Anna"),), ("Ann", "Test"), EMAIL, id="as where they log in"),
        pytest.param(NAMELESS, (one("entra", "2", given="Anna"),), ("Anna", "Test"), EMAIL, id="names of another"),
        pytest.param(NAMELESS, (one("entra", "2", given="", family="T"),), ("", "T"), EMAIL, id="a family name is a name"),
        pytest.param(NAMELESS, (one("entra", "2", given="A", family=""),), ("A", ""), EMAIL, id="so is a given one"),
        pytest.param(NAMELESS, (replace(NAMELESS, source="entra"),), (" ", ""), EMAIL, id="nobody has one"),
        pytest.param(replace(OKTA, email=""), (one("entra", "2", "a@x"),), ("Ann", "Test"), "a@x", id="e-mail of another"),
        pytest.param(replace(OKTA, email=""), (one("entra", "2", ""),), ("Ann", "Test"), "", id="nobody has an e-mail"),
    ],
)  # fmt: skip
def test_a_person_is_described_by_the_first_who_knows(
    login: Identity, others: tuple[Identity, ...], names: tuple[str, str], email: str
) -> None:
    given, family = names
    assert replace(login, email=email, given_name=given, family_name=family) == described(login, (login, *others))


def test_who_logs_in_elsewhere_is_described_by_the_most_trusted_first() -> None:
    assert replace(ENTRA, given_name="Ann") == described(replace(ENTRA, given_name="Anna"), (OKTA, ENTRA))
    assert (OKTA, ENTRA, None) == tuple(login_identity((OKTA, ENTRA), source) for source in ("", "entra", "files"))
