"""Whose account it is where the name is another one: by e-mail if the deployment says so, and else nobody's but its own."""

from __future__ import annotations

import pytest

from syncd.model import EVERYTHING, Deployment, DesiredState, Note, ObservedState, Owned, Reason, User, key
from syncd.plan.diff import align, diff
from syncd.targets.airflow.naming import NAMING

WHY = {"Op": (Reason("okta", "g", "team", "m.yaml:3"),)}
PROD = Deployment("prod", match_email=True, naming=NAMING)


def person(name: str, email: str, *roles: str) -> User:
    return User(name, email, name.title(), "X", frozenset(roles))


def wanted(*people: User, undecided: tuple[User, ...] = ()) -> DesiredState:
    return DesiredState(
        "prod",
        {key(p.username): p for p in people},
        {},
        {key(p.username): WHY for p in people},
        undecided={key(p.username): p for p in undecided},
    )


def there(*people: User) -> ObservedState:
    return ObservedState("prod", {key(p.username): p for p in people}, {})


ANN = person("ann", "ann@x.org", "Op")
TAKEN = "ann gets no account: its e-mail ann@x.org is that of the account {}; {}"
ANOTHERS = "set match_email = true for this deployment if that is the same person, or correct its username rule"
SEVERAL = "more than one person or account has it; rename or delete the wrong account"


@pytest.mark.parametrize(
    ("accounts", "match_email", "goes_by", "said"),
    [
        ([], True, "ann", ""),
        ([person("Ann", "other@x.org"), person("A1", "ann@x.org")], True, "ann", ""),
        ([person("A1", "bob@x.org")], True, "ann", ""),
        ([person("A1", "ann@x.org")], True, "A1", ""),
        ([person("A1", "Ann@X.org")], True, "A1", ""),
        ([person("A1", "ann@x.org"), person("A2", "ANN@x.org")], True, None, TAKEN.format("A1, A2", SEVERAL)),
        ([person("A2", "ann@x.org"), person("A1", "ann@x.org")], False, None, TAKEN.format("A1, A2", ANOTHERS)),
        ([person("A1", "ann@x.org")], False, None, TAKEN.format("A1", ANOTHERS)),
        ([person("A1", "Ann@X.org")], False, "ann", ""),
    ],
    ids=[
        "no accounts",
        "her own, and another",
        "somebody else's",
        "her e-mail",
        "in other letters",
        "two have it",
        "two have it, not asked",
        "not asked",
        "in other letters, not asked",
    ],
)
def test_who_has_no_account_of_their_name_goes_by_their_email_or_is_left_out(
    accounts: list[User], match_email: bool, goes_by: str | None, said: str
) -> None:
    found = align(wanted(ANN), there(*accounts), match_email=match_email)
    assert ([goes_by] if goes_by else []) == [user.username for user in found.users.values()]
    assert ([key(goes_by)] if goes_by else []) == list(found.users)
    assert ((Note("email_taken", said),) if said else ()) == found.notes
    for user in found.users.values():
        assert (ANN.email, ANN.roles, WHY) == (user.email, user.roles, found.because[key(user.username)])


def test_an_account_is_one_persons_only() -> None:
    """Whoever is there under their own name keeps it, and of two without one the first has it."""
    account = person("A1", "ann@x.org")
    owner = person("a1", "boss@x.org", "User")
    found = align(wanted(ANN, owner), there(account), match_email=True)
    assert {"a1": owner.roles} == {name: user.roles for name, user in found.users.items()}
    assert [TAKEN.format("A1", SEVERAL)] == [note.text for note in found.notes]
    twin = person("zoe", "ann@x.org", "User")
    both = align(wanted(twin, ANN), there(account), match_email=True)
    assert {"a1": ANN.roles} == {name: user.roles for name, user in both.users.items()}
    assert ["zoe gets no account"] == [note.text.split(":")[0] for note in both.notes]


def test_notes_of_before_stay() -> None:
    before = Note("frozen", "a note")
    desired = DesiredState("prod", {"ann": ANN}, {}, {"ann": WHY}, notes=(before,))
    found = align(desired, there(person("A1", "ann@x.org")), match_email=False)
    assert ["frozen", "email_taken"] == [note.code for note in found.notes]


@pytest.mark.parametrize("match_email", [True, False])
def test_whose_name_is_in_doubt_loses_nothing_on_any_account_that_may_be_theirs(match_email: bool) -> None:
    account = person("A1", "Bob@x.org", "Op", "Admin")
    desired = wanted(undecided=(person("bob", "bob@x.org", "Op"),))
    owned = Owned(grants={"a1": frozenset({"Op", "Admin"})})
    aligned = align(desired, there(account), match_email=match_email)
    assert ({"bob", "a1"} if match_email else {"bob"}) == aligned.undecided.keys()
    [change] = diff(aligned, there(account), owned=owned, deployment=PROD).changes
    assert (("Admin",) if match_email else ("Admin", "Op")) == tuple(change.revoked)


def test_a_role_that_no_server_can_delete_is_told_with_what_to_do() -> None:
    observed = ObservedState("prod", {}, {}, leftovers={"old": "delete it on the page of roles"})
    [note] = diff(wanted(), observed, owned=Owned(), deployment=PROD, scope=EVERYTHING).notes
    assert (
        Note(
            "left_behind",
            "role old is ours, nobody holds it, and this server cannot delete it: delete it on the page of roles",
        )
        == note
    )
