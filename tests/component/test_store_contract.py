"""What every implementation of a part of the database does: the real one, and the one in memory that tests work with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import MemoryReadings
from memory_journal import MemoryJournal
from store_samples import NOW, at, created, left, moved, plan_of, role, snapshot

from syncd.errors import DeploymentBusy
from syncd.model import (
    EVERYTHING,
    Change,
    Doubt,
    JoinKey,
    KnownPersons,
    Learned,
    MadeAccount,
    Outcome,
    Owned,
    Status,
)
from syncd.plan.taken import Taken
from syncd.ports import Basis, Failing, Journal, Readings, SourceHealth
from syncd.store import Stores

DOUBTS = (Doubt("g1", "finance", NOW, "cut off"),)


@pytest.fixture(params=["memory", "database"])
def readings(request: pytest.FixtureRequest, store: Stores) -> Readings:
    return MemoryReadings() if request.param == "memory" else store.readings


def test_nothing_is_known_of_a_source_that_was_never_read(readings: Readings) -> None:
    found = readings.last_snapshot("okta"), readings.last_cursor("okta"), readings.health("okta")
    assert (None, None, None) == found


def test_the_newest_read_is_given_with_its_cursor_and_its_doubts(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first")
    readings.save_snapshot(snapshot(members=frozenset(), taken_at=at(5)), cursor="next", full=False, doubts=DOUBTS)
    assert snapshot(members=frozenset(), taken_at=at(5)) == readings.last_snapshot("okta")
    assert ("next", NOW) == readings.last_cursor("okta"), "a refresh is no full read"
    assert SourceHealth("okta", NOW, at(5), DOUBTS, None, None) == readings.health("okta")


def test_a_read_without_a_cursor_leaves_none_to_go_on_from(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first")
    readings.save_snapshot(snapshot(taken_at=at(1)))
    assert readings.last_cursor("okta") is None


def test_a_source_that_was_only_refreshed_has_no_full_read_to_go_on_from(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="first", full=False)
    assert readings.last_cursor("okta") is None


def test_the_first_failure_counts_until_a_read_gives_an_answer(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), doubts=DOUBTS)
    for minute, why in ((1, "silent"), (2, "refused")):
        readings.source_failed("okta", why, now=at(minute))
    assert SourceHealth("okta", NOW, NOW, DOUBTS, at(1), "refused") == readings.health("okta")
    readings.save_snapshot(snapshot(taken_at=at(3)))
    assert SourceHealth("okta", at(3), at(3), (), None, None) == readings.health("okta")


def test_sources_are_apart(readings: Readings) -> None:
    readings.save_snapshot(snapshot(), cursor="okta")
    readings.save_snapshot(replace(snapshot(taken_at=at(1)), source="entra"), cursor="entra")
    readings.source_failed("people", "gone", now=NOW)
    assert ("okta", NOW) == readings.last_cursor("okta")
    assert SourceHealth("people", None, None, (), NOW, "gone") == readings.health("people")


def test_a_name_means_the_group_that_was_remembered_last(readings: Readings) -> None:
    readings.remember_groups({("okta", "a"): "1", ("okta", "b"): "2"}, now=NOW)
    readings.remember_groups({("okta", "a"): "3"}, now=at(1))
    assert {("okta", "a"): "3", ("okta", "b"): "2"} == readings.group_names()


def test_persons_are_replaced_and_sources_count_for_the_key_they_were_joined_by_last(readings: Readings) -> None:
    first, second = list(JoinKey)[:2]
    readings.remember_persons(KnownPersons({("okta", "1"): "a"}, frozenset({"okta", "entra"})), first, now=NOW)
    readings.remember_persons(KnownPersons({("okta", "1"): "b"}, frozenset({"okta"})), second, now=at(1))
    assert KnownPersons({("okta", "1"): "b"}, frozenset({"entra"})) == readings.known_persons(first)
    assert KnownPersons({("okta", "1"): "b"}, frozenset({"okta"})) == readings.known_persons(second)


# --- the journal of a pass --------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "database"])
def journal(request: pytest.FixtureRequest, store: Stores) -> Journal:
    return MemoryJournal() if request.param == "memory" else store


def recorded(journal: Journal, *changes: Change, basis: Basis = Basis()) -> int:
    run = journal.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    return journal.ledger.record_plan(run, plan_of(*changes), held=None, approved=None, now=NOW, basis=basis)


def ended(journal: Journal, change: Change, status: Status, *, calls: int = 1) -> None:
    """Plan a change, make these calls for it, and say how it ended."""
    with journal.ledger.entries(recorded(journal, change)) as entries:
        entry = entries.begin(change, now=NOW)
        for number in range(calls):
            entry.after(entry.before(f"call {number}"), "200")
        entry.conclude(Outcome(change, status, "as told"), now=at(1))


ANNA = frozenset({"anna"})
OPS = Owned(users=ANNA, grants={"anna": frozenset({"Op"})})


@pytest.mark.parametrize("calls", [0, 1, 2])
@pytest.mark.parametrize(
    ("status", "owned", "unsettled"),
    [
        (Status.APPLIED, OPS, []),
        (Status.PENDING, OPS, []),
        (Status.FAILED, Owned(), []),
        (Status.SKIPPED, Owned(), []),
        (Status.UNKNOWN, OPS, ["Anna"]),
    ],
)
def test_what_a_change_brings_is_owned_from_its_intent_on_unless_it_was_not_made(
    journal: Journal, status: Status, owned: Owned, unsettled: list[str], calls: int
) -> None:
    ended(journal, created("Anna", "Op"), status, calls=calls)

    found = journal.holdings.owned("prod")
    assert (owned.users, owned.grants) == (found.users, found.grants)
    assert unsettled == [u.change.name for u in journal.ledger.unsettled("prod")]


def test_a_change_whose_call_never_came_back_is_unsettled_and_what_it_brings_is_owned(journal: Journal) -> None:
    change = created("Anna", "Op")
    with journal.ledger.entries(recorded(journal, change)) as entries:
        entries.begin(change, now=NOW).before("call")

    assert ["Anna"] == [u.change.name for u in journal.ledger.unsettled("prod")]
    assert ANNA == journal.holdings.owned("prod").users


@pytest.mark.parametrize(("status", "users"), [(Status.APPLIED, ANNA), (Status.FAILED, frozenset[str]())])
def test_a_look_settles_what_nobody_knew(journal: Journal, status: Status, users: frozenset[str]) -> None:
    ended(journal, created("Anna", "Op"), Status.UNKNOWN)
    [open_one] = journal.ledger.unsettled("prod")

    journal.ledger.settle(open_one.id, status, "looked", now=at(2), final=True)

    assert ((), users) == (journal.ledger.unsettled("prod"), journal.holdings.owned("prod").users)


@pytest.mark.parametrize(
    ("change", "users", "grants", "roles"),
    [
        (moved("Anna", {"Op"}, {"Viewer"}), ANNA, {"anna": frozenset({"Viewer"})}, frozenset({"finance"})),
        (left("Anna", "Op"), frozenset(), {}, frozenset({"finance"})),
        (Change(role("finance", "Pools"), None, ()), ANNA, {"anna": frozenset({"Op"})}, frozenset()),
    ],
    ids=["a role that is taken", "an account that goes", "a role that goes"],
)
def test_what_a_change_takes_is_owned_no_more(
    journal: Journal, change: Change, users: frozenset[str], grants: dict[str, frozenset[str]], roles: frozenset[str]
) -> None:
    ended(journal, Change(None, role("finance", "Pools"), ()), Status.APPLIED)
    ended(journal, created("Anna", "Op"), Status.APPLIED)

    ended(journal, change, Status.APPLIED)

    found = journal.holdings.owned("prod")
    assert (users, grants, roles) == (found.users, dict(found.grants), found.roles)
    assert frozenset({"finance"}) == found.once | found.roles, "what was ours once is still known"


def test_a_failed_change_leaves_what_was_owned_before(journal: Journal) -> None:
    journal.holdings.adopt("prod", Owned(grants={"anna": frozenset({"Op"})}))
    ended(journal, moved("Anna", set(), {"Op", "Viewer"}), Status.FAILED)

    assert {"anna": frozenset({"Op"})} == dict(journal.holdings.owned("prod").grants)


def test_what_is_adopted_is_owned_until_another_hand_takes_it(journal: Journal) -> None:
    both = Owned(roles=frozenset({"finance"}), grants={"anna": frozenset({"Op", "finance"})})
    journal.holdings.adopt("prod", both)
    journal.holdings.disown("prod", Owned(grants={"anna": frozenset({"Op"})}), now=at(1))
    assert {"anna": frozenset({"finance"})} == dict(journal.holdings.owned("prod").grants)

    journal.holdings.disown_role("prod", "finance")
    found = journal.holdings.owned("prod")
    assert ({}, frozenset()) == (dict(found.grants), found.roles)


def test_a_few_people_are_asked_for_and_all_are_counted(journal: Journal) -> None:
    for name in ("Anna", "bob"):
        ended(journal, created(name, "Op"), Status.APPLIED)

    found = journal.holdings.owned("prod", usernames=ANNA)

    assert (ANNA, {"anna": frozenset({"Op"})}, 2, 2) == (found.users, dict(found.grants), found.people, found.accounts)


def test_accounts_are_found_by_the_person_and_by_the_email_and_belong_to_whom_they_were_made_for_last(
    journal: Journal,
) -> None:
    first = MadeAccount("anna", ("okta", "1"), "anna@x"), MadeAccount("bob", ("okta", "2"), "bob@x")
    journal.holdings.remember_accounts("prod", first, now=NOW)
    journal.holdings.remember_accounts("prod", [MadeAccount("anna", ("okta", "3"), "anna@x")], now=at(1))

    names = [
        [account.who[1] for account in journal.holdings.made_accounts("prod", ids=ids, emails=emails)]
        for ids, emails in ((None, ()), ({"2"}, ()), ({"1"}, ()), ({"9"}, {"ANNA@x"}))
    ]
    assert [["3", "2"], ["2"], [], ["3"]] == names


def test_what_was_taken_is_counted_unless_a_person_let_it_pass(journal: Journal) -> None:
    one, other = left("Anna", "Op"), left("bob", "Op")
    plan = recorded(journal, one, other, basis=Basis(covered=(other,)))
    with journal.ledger.entries(plan) as entries:
        for change in (one, other):
            entry = entries.begin(change, now=NOW)
            entry.before("call")
            entry.conclude(Outcome(change, Status.APPLIED), now=at(1))

    assert (Taken(people=1, accounts=1), Taken()) == (
        journal.ledger.taken_since("prod", NOW),
        journal.ledger.taken_since("prod", at(9)),
    )


def test_what_is_planned_again_is_not_counted_twice(journal: Journal) -> None:
    one, other = left("Anna", "Op"), left("bob", "Op")
    with journal.ledger.entries(recorded(journal, one, other)) as entries:
        for change in (one, other):
            entry = entries.begin(change, now=NOW)
            entry.before("call")
            entry.conclude(Outcome(change, Status.UNKNOWN), now=at(1))
    first, _ = journal.ledger.unsettled("prod")
    assert Taken(people=1, accounts=1) == journal.ledger.taken_since("prod", NOW, but=[first.id])


def test_files_are_in_force_since_a_plan_of_them_was_made_to_be_carried_out(journal: Journal) -> None:
    assert journal.ledger.is_in_force("any")
    recorded(journal, basis=Basis("first"))
    recorded(journal, basis=Basis("proposed", applying=False))
    assert (True, False) == (journal.ledger.is_in_force("first"), journal.ledger.is_in_force("proposed"))


def test_one_writer_has_the_lease_and_once_it_is_lost_no_call_is_announced(journal: Journal) -> None:
    change = created("Anna", "Op")
    with journal.leases.take("prod") as lease:
        with pytest.raises(DeploymentBusy), journal.leases.take("prod"):
            pass
        with journal.ledger.entries(recorded(journal, change), lease=lease) as entries:
            entry = entries.begin(change, now=NOW)
            journal.leases.release_all()
            with pytest.raises(DeploymentBusy):
                entry.before("call")
    assert () == journal.ledger.unsettled("prod")


def test_what_is_known_of_a_server_is_kept_and_first_knowledge_gives_way_to_no_guess(journal: Journal) -> None:
    for learned, only_new in ((Learned("guess"), True), (Learned("known"), False), (Learned("guess"), True)):
        journal.memory.save_learned("prod", learned, only_new=only_new)
    journal.memory.save_roles_seen("prod", {"finance"}, sound={"finance": "abc"})

    assert (Learned("known"), None) == (journal.memory.learned("prod"), journal.memory.learned("test"))
    assert (frozenset({"finance"}), None) == (journal.memory.roles_seen("prod"), journal.memory.roles_seen("test"))
    assert {"finance": "abc"} == dict(journal.memory.sound_roles("prod"))


# --- which deployments fail -------------------------------------------------------------------------------------------


@pytest.mark.finding("U-B7")
def test_failures_in_a_row_count_from_the_first_one_until_a_pass_worked(journal: Journal) -> None:
    for minute in range(3):
        journal.failures.failed("prod", now=at(minute))
    journal.failures.failed("lab", now=at(5))
    journal.failures.tries_again("prod", at=at(9))
    assert {"prod": Failing(NOW, 3, at(9)), "lab": Failing(at(5), 1)} == journal.failures.failing()

    journal.failures.worked("prod")
    journal.failures.tries_again("prod", at=at(10))
    assert {"lab": Failing(at(5), 1)} == journal.failures.failing(), "what is well is not tried again"
    journal.failures.failed("prod", now=at(11))
    assert Failing(at(11), 1) == journal.failures.failing()["prod"]


@pytest.mark.finding("U-B7")
def test_the_failures_of_what_is_not_configured_any_more_are_forgotten(journal: Journal) -> None:
    for name in ("prod", "lab", "old"):
        journal.failures.failed(name, now=NOW)
    journal.failures.forget_others({"prod", "lab", "new"})
    assert {"prod", "lab"} == journal.failures.failing().keys()
    journal.failures.forget_others(())
    assert {} == journal.failures.failing()
