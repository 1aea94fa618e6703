"""What a doubt about a source leaves open about people, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mapping_world import NOW, PROD, group, person, snapshot

from syncd.directory.divergence import diverged
from syncd.directory.doubt import NOT_READ, naming_doubts, shown_inactive, unread, unseen
from syncd.directory.group_names import GroupLookup
from syncd.directory.join import doubts, join
from syncd.model import Deployment, Directory, Doubt, Group, GroupRef, Identity, Members, Person

OKTA = frozenset({"okta"})
ANN = person("ann", source="okta")


def has(*members: str, source: str = "okta") -> Group:
    return group("staff", *members, source=source, why="cut")


def of(*groups: Members, people: tuple[Identity, ...] = (ANN,), read: frozenset[str] = OKTA) -> Directory:
    known = {(i.source, i.id): i for i in people}
    return Directory(known, {(m.group.source, m.group.id): m for m in groups}, read=read)


WHOLE, CARRIED = Members(has("ann")), Members(has("ann"), certified=False, why="cut")
UNKNOWN, STRANGERS = Members(has("ann"), certified=False, unknown=True, why="cut"), Members(has("ann", "eve"))
ELSEWHERE = Members(has("eve", source="entra"), certified=False, unknown=True, why="cut")
NEVER_WHOLE, NOT_WHOLE = "okta:staff was never read whole: cut", "okta:staff was not read whole: cut"
NOTHING_SAID = "okta:staff has members of whom okta says nothing"


@pytest.mark.parametrize(
    ("directory", "may_be_in_it", "may_be_in_it_by_now"),
    [
        pytest.param(of(WHOLE), "", "", id="read whole"),
        pytest.param(of(WHOLE, ELSEWHERE), "", "", id="another source is in doubt"),
        pytest.param(replace(of(WHOLE), failed={"okta": "down"}), "", "okta failed: down", id="failed, was read before"),
        pytest.param(of(CARRIED), "", NOT_WHOLE, id="read in part, once whole"),
        pytest.param(of(UNKNOWN), NEVER_WHOLE, NOT_WHOLE, id="never read whole"),
        pytest.param(of(STRANGERS), NOTHING_SAID, NOTHING_SAID, id="a member of whom it says nothing"),
        pytest.param(of(read=frozenset()), f"okta failed: {NOT_READ}", f"okta failed: {NOT_READ}", id="not read yet"),
        pytest.param(
            replace(of(read=frozenset()), failed={"okta": "down"}), "okta failed: down", "okta failed: down", id="never read"
        ),
    ],
)  # fmt: skip
def test_who_is_not_seen_in_a_source_may_be_in_it(
    directory: Directory, may_be_in_it: str, may_be_in_it_by_now: str
) -> None:
    assert (may_be_in_it, may_be_in_it_by_now) == (unread(directory, "okta"), unseen(directory, "okta"))


BOTH = frozenset({"okta", "entra"})


def test_a_source_of_higher_rank_may_yet_name_somebody() -> None:
    """And of a source that is not ranked at all, any may; where it is said with whom people log in, none does."""
    ordered = replace(of(WHOLE, read=BOTH), order=("entra", "okta"))
    failed = replace(ordered, failed={"entra": "down"})
    last = replace(ordered, failed={"okta": "down"})
    for directory, doubt in (
        (ordered, ["", "", ""]),
        (failed, ["", "entra failed: down", "entra failed: down"]),
        (last, ["", "", "okta failed: down"]),
    ):
        found = naming_doubts(directory, PROD)
        assert doubt == [found[source] for source in ("entra", "okta", "files")]
        assert [""] * 3 == [
            naming_doubts(directory, replace(PROD, login_source="okta"))[s] for s in ("entra", "okta", "x")
        ]


GONE = replace(ANN, active=False)
BOB = person("bob", source="entra", email="bob@x")
BOB_GONE = replace(BOB, active=False)
BY_EMAIL = replace(PROD, match_email=True)
ANN_E = person("a1", source="entra", login="ann.e", email="ann@corp.example")
ONE = Person((GONE, ANN_E))


def joined(*people: Identity, person: Person | None = None) -> Directory:
    known = {(i.source, i.id): person for i in person.accounts} if person else {}
    return replace(of(people=people, read=BOTH), persons=known, order=("okta", "entra"))


@pytest.mark.parametrize(
    ("directory", "deployment", "inactive"),
    [
        pytest.param(joined(ANN), PROD, {}, id="she is active"),
        pytest.param(joined(GONE, BOB), PROD, {"ann": "okta:ann is inactive"}, id="she is not"),
        pytest.param(
            joined(GONE),
            BY_EMAIL,
            {"ann": "okta:ann is inactive", "ann@corp.example": "okta:ann is inactive"},
            id="nor by e-mail",
        ),
        pytest.param(
            joined(GONE, BOB_GONE), PROD, {"ann": "okta:ann is inactive", "bob": "entra:bob is inactive"}, id="nor is Bob"
        ),
        pytest.param(joined(replace(GONE, login="", email="")), BY_EMAIL, {}, id="who has no name is nobody"),
        pytest.param(joined(GONE, replace(BOB, login="ANN")), PROD, {}, id="somebody active has the name"),
        pytest.param(replace(joined(GONE), mistaken={("okta", "ann"): "two"}), PROD, {}, id="she may be another"),
        pytest.param(
            replace(joined(GONE, BOB_GONE), failed={"okta": "down"}),
            PROD,
            {"ann": "okta:ann is inactive"},
            id="a source above may name Bob otherwise",
        ),
        pytest.param(joined(GONE, ANN_E, person=ONE), PROD, {"ann": "okta:ann is inactive"}, id="where she logs in"),
        pytest.param(
            joined(GONE, ANN_E, person=ONE), replace(PROD, login_source="entra"), {}, id="she logs in elsewhere"
        ),
        pytest.param(
            joined(ANN, replace(ANN_E, active=False), person=Person((ANN, replace(ANN_E, active=False)))),
            replace(PROD, login_source="entra"),
            {"ann.e": "entra:ann.e is inactive"},
            id="and there she is not active",
        ),
        pytest.param(
            joined(ANN, replace(ANN_E, active=False), person=Person((ANN, replace(ANN_E, active=False)))),
            PROD,
            {},
            id="while she is where she logs in",
        ),
    ],
)  # fmt: skip
def test_who_is_inactive_is_so_where_they_log_in(
    directory: Directory, deployment: Deployment, inactive: dict[str, str]
) -> None:
    assert inactive == shown_inactive(directory, deployment)


# --- groups that were not read whole ----------------------------------------------------------------------------------


def test_a_group_that_was_not_read_whole_says_when_it_last_was() -> None:
    earlier = NOW - timedelta(days=2)
    before = group("ops", "ann"), group("fin", "ann", complete=False)
    before = replace(before[0], certificate=replace(before[0].certificate, taken_at=earlier)), before[1]
    fresh = snapshot(
        (ANN,),
        group("ops", complete=False, why="429"),
        group("fin", complete=False, why="page 2"),
        group("new", complete=False, why="404"),
        group("whole"),
    )
    said = [("ops", earlier, "429"), ("fin", None, "page 2"), ("new", None, "404")]
    assert [Doubt(f"id-{name}", name, since, why) for name, since, why in said] == list(
        doubts(fresh, snapshot((), *before))
    )
    assert [Doubt(f"id-{name}", name, None, why) for name, _, why in said] == list(doubts(fresh, None))


def test_a_group_of_a_source_that_failed_is_told_as_not_read_with_the_cause() -> None:
    earlier = snapshot((ANN,), has("ann"), source="okta")
    found = join({}, {"okta": earlier}, {"okta": "down"}).groups["okta", "id-staff"]
    certificate = replace(has("ann").certificate, complete=False, why="down")
    assert (replace(has(), certificate=certificate), "down", frozenset({"ann"})) == (
        found.group,
        found.why,
        found.stale,
    )
    assert found.group.certificate.complete is False


# --- names of groups --------------------------------------------------------------------------------------------------


def test_a_line_that_names_an_id_asks_for_no_name() -> None:
    """Not even where its name is known to mean another group, or a group has no name."""
    nameless = replace(has("ann"), name="", id="none")
    lookup = GroupLookup(replace(of(WHOLE, Members(nameless)), names={("okta", "staff"): "id-other"}))
    by_id, by_both, by_name = (GroupRef("okta", id="x"), GroupRef("okta", "x", "staff"), GroupRef("okta", name="staff"))
    assert [None, None, "id-other"] == [lookup.remembered(ref) for ref in (by_id, by_both, by_name)]
    assert [[], [WHOLE], [WHOLE]] == [lookup.bearers(ref) for ref in (by_id, by_both, by_name)]


def test_only_of_people_whom_all_three_reads_know_is_anything_said() -> None:
    off, bob = replace(ANN, active=False), person("bob", source="okta")
    before, full, after = (snapshot(people, source="okta") for people in ((ANN,), (off,), (ANN, bob)))
    assert ((), ("ann",)) == diverged(before, full, after)
    assert ((), ("ann",)) == diverged(before, snapshot((off, bob), source="okta"), before)
    assert ((), ("ann",)) == diverged(after, full, before)
