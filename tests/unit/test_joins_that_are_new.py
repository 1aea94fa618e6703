"""Nobody becomes somebody else by changing an attribute: a new join waits for a person's word, or for a domain's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.directory.join import join
from syncd.model import Certificate, Directory, Group, Identity, Joining, JoinKey, KnownPersons, Snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY_EMAIL = Joining(JoinKey.EMAIL, ("okta", "entra", "files"))


def one(source: str, id_: str, email: str) -> Identity:
    return Identity(source, id_, id_, email, id_.title(), "Test")


@dataclass
class World:
    """Sources that are read again and again, and what the database keeps of it."""

    joining: Joining = BY_EMAIL
    people: dict[str, list[Identity]] = field(default_factory=dict)
    known: KnownPersons = field(default_factory=KnownPersons)
    saved: dict[str, Snapshot] = field(default_factory=dict)

    def put(self, *identities: Identity) -> None:
        for identity in identities:
            others = [i for i in self.people.get(identity.source, []) if i.id != identity.id]
            self.people[identity.source] = [*others, identity]

    def read(self, *failed: str, complete: bool = True) -> Directory:
        fresh = {s: self._snapshot(s, complete=complete) for s in self.people if s not in failed}
        found = join(fresh, self.saved, dict.fromkeys(failed, "down"), joining=self.joining, known=self.known)
        self.known = KnownPersons(
            {**self.known.persons, **found.joins.persons}, self.known.sources | found.joins.sources
        )
        self.saved |= fresh
        return found

    def _snapshot(self, source: str, *, complete: bool) -> Snapshot:
        everybody = self.people[source]
        certificate = Certificate(1, len(everybody), None, NOW, complete=complete, why="" if complete else "cut")
        group = Group(source, "all", "all", frozenset(i.id for i in everybody), certificate)
        return Snapshot(source, tuple(everybody), (group,), NOW)


def together(directory: Directory) -> set[frozenset[str]]:
    return {frozenset(str(i) for i in p.accounts) for p in directory.persons.values()}


def codes(directory: Directory) -> list[str]:
    return [note.code for note in directory.notes]


@pytest.fixture
def world() -> World:
    world = World()
    world.put(one("okta", "mallory", "mallory@corp.example"), one("entra", "ada", "ada.boss@corp.example"))
    world.put(one("okta", "bob", "bob@corp.example"), one("entra", "rob", "BOB@corp.example"))
    world.read()
    return world


BOB = frozenset({"okta:bob", "entra:rob"})
THIEF = frozenset({"okta:mallory", "entra:ada"})


def test_who_has_one_email_when_sources_are_first_read_is_one_person(world: World) -> None:
    assert {BOB} == together(world.read())


@pytest.mark.finding("C-11")
def test_who_takes_the_email_of_another_stays_who_they_are(world: World) -> None:
    world.put(one("okta", "mallory", "ada.boss@corp.example"))
    for _ in range(3):  # however often it is read
        found = world.read()
        assert ({BOB}, ["person_joined"], {}) == (together(found), codes(found), found.mistaken)
    [note] = found.notes
    assert "syncd accept-person okta:mallory entra:ada" in note.text
    assert ("id mallory" in note.text, "id ada" in note.text) == (True, True)


@pytest.mark.finding("C-11")
def test_a_person_may_say_that_they_are_one(world: World) -> None:
    world.put(one("okta", "mallory", "ada.boss@corp.example"))
    [waiting] = world.read().waiting
    world.known = replace(
        world.known, persons={**world.known.persons, **{(i.source, i.id): "entra:ada" for i in waiting}}
    )
    found = world.read()
    assert ({BOB, THIEF}, []) == (together(found), codes(found))


@pytest.mark.finding("C-11")
def test_sources_that_answer_for_the_domain_join_at_once(world: World) -> None:
    world.joining = replace(BY_EMAIL, domains={"okta": frozenset({"corp.example"}), "entra": frozenset()})
    world.put(one("okta", "mallory", "ada.boss@corp.example"))
    assert {BOB} == together(world.read()), "both have to answer for it"
    world.joining = replace(BY_EMAIL, domains=dict.fromkeys(("okta", "entra"), frozenset({"corp.example"})))
    assert {BOB, THIEF} == together(world.read())


@pytest.mark.finding("C-11")
def test_whose_key_nobody_can_set_may_be_taken_at_its_word(world: World) -> None:
    world.joining = replace(BY_EMAIL, accept_new=True)
    world.put(one("okta", "mallory", "ada.boss@corp.example"))
    assert {BOB, THIEF} == together(world.read())


@pytest.mark.finding("C-11")
def test_the_email_of_a_known_person_gives_a_third_account_nothing_and_takes_nothing_from_them(world: World) -> None:
    """Whoever can set an e-mail can neither become somebody else by it, nor part them, nor freeze what they hold."""
    world.put(one("okta", "mallory", "bob@corp.example"))
    found = world.read()
    assert ({BOB}, ["join_ambiguous"], {}) == (together(found), codes(found), found.mistaken)
    world.put(one("files", "bob3", "bob@corp.example"))
    assert {BOB | {"files:bob3"}} == together(world.read()), (
        "a source that was never read before is taken as it is found"
    )


@pytest.mark.finding("C-11")
def test_one_of_a_known_pair_does_not_become_another_person(world: World) -> None:
    world.put(one("okta", "bob", "ada.boss@corp.example"))
    found = world.read()
    assert (set(), ["person_joined"]) == (together(found), codes(found))


def test_a_source_that_failed_at_first_is_taken_as_it_is_found_when_it_is_read(world: World) -> None:
    fresh = World()
    fresh.people = world.people
    assert set() == together(fresh.read("entra"))
    assert {BOB} == together(fresh.read())


def test_a_first_read_that_was_cut_is_no_first_read_twice() -> None:
    world = World()
    world.put(one("okta", "a", "a@x.example"), one("entra", "b", "b@x.example"))
    world.read(complete=False)
    world.put(one("entra", "c", "a@x.example"))
    assert {frozenset({"okta:a", "entra:c"})} == together(world.read(complete=False))
    world.put(one("okta", "d", "b@x.example"))
    assert ["person_joined"] == codes(world.read(complete=False))


def test_who_could_not_be_told_apart_at_first_loses_nothing_until_somebody_says_who_is_who() -> None:
    world = World()
    world.put(one("okta", "a", "x@x.example"), one("okta", "b", "x@x.example"), one("entra", "c", "x@x.example"))
    for _ in range(2):
        found = world.read()
        assert {("okta", "a"), ("okta", "b"), ("entra", "c")} == set(found.mistaken)
    world.put(one("okta", "b", "b@x.example"))
    found = world.read()
    assert ({("okta", "a"), ("entra", "c")}, ["person_joined"]) == (set(found.mistaken), codes(found))
    world.known = replace(world.known, persons={**world.known.persons, ("okta", "a"): "a", ("entra", "c"): "a"})
    found = world.read()
    assert ({frozenset({"okta:a", "entra:c"})}, {}) == (together(found), found.mistaken)


@pytest.mark.finding("C-11")
def test_two_of_one_source_that_come_to_share_a_key_freeze_nobody(world: World) -> None:
    """A leaver could keep what they have by it: of people who were never joined nothing is in doubt."""
    world.put(one("okta", "mallory", "ada.boss@corp.example"), one("okta", "eve", "ada.boss@corp.example"))
    found = world.read()
    assert ({BOB}, {}, ["join_ambiguous"]) == (together(found), found.mistaken, codes(found))


EMAILS = st.sampled_from(["a@x", "b@x", "c@y", ""])


@pytest.mark.finding("C-11")
@given(
    st.dictionaries(st.tuples(st.sampled_from(["okta", "entra"]), st.sampled_from("12")), EMAILS, min_size=1),
    st.lists(st.tuples(st.sampled_from(["okta", "entra"]), st.sampled_from("123"), EMAILS), max_size=8),
)
def test_no_change_of_an_attribute_joins_anybody(
    first: dict[tuple[str, str], str], changes: list[tuple[str, str, str]]
) -> None:
    world = World()
    world.people = {"okta": [], "entra": []}
    world.put(*(one(source, id_, email) for (source, id_), email in first.items()))
    joined = together(world.read())
    for source, id_, email in changes:
        world.put(one(source, id_, email))
        assert together(world.read()) <= joined
