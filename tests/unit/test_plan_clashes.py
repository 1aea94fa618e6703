"""What is wanted and set aside, because its name may be that of something else: what is told, and what goes on."""

from __future__ import annotations

from plan_world import person, reasons, role, there, wanted

from syncd.model import EVERYTHING, Note, Owned, Scope
from syncd.plan.clashes import Aside, set_aside

ZOE, BOB = person("Zoë", "fin", "ops"), person("bob", "fin", "ops")
FIN, OPS = role("fin", "a"), role("ops", "b")
WANTED = wanted(ZOE, BOB, roles=(FIN, OPS))
OTHERS = (person("zoe"), person("Zoé"))
USERNAME = Note(
    "username_clash",
    '"Zoë" is not touched: the server has the account Zoé and zoe, and some databases take the two for one name; rename one '
    "of them, or use a template of user names that tells them apart",
)
NAME = Note(
    "name_clash",
    "role fin is not made and given to nobody: the server has the role FIN and Fin, and some databases take the two for one "
    "name; rename one of them",
)
CLASHING = (OPS, role("FIN"), role("Fin"))


def test_what_resembles_nothing_is_wanted_as_it_is() -> None:
    assert Aside(WANTED) == set_aside(WANTED, there(person("zofia"), roles=(OPS,)), owned=Owned(), scope=EVERYTHING)


def test_an_account_that_resembles_others_is_not_touched() -> None:
    for scope in (EVERYTHING, Scope.people(["Zoë"])):
        found = set_aside(WANTED, there(*OTHERS, roles=(FIN, OPS)), owned=Owned(), scope=scope)
        assert (wanted(BOB, roles=(FIN, OPS)), (USERNAME,), ("zoë",)) == (found.desired, found.notes, found.blocked)


def test_of_an_account_that_a_pass_is_not_about_nothing_is_told() -> None:
    observed = there(*OTHERS, roles=(FIN, OPS), unclear={"cid": "two accounts are cid"})
    assert Aside(WANTED) == set_aside(WANTED, observed, owned=Owned(), scope=Scope.people(["bob"]))


def test_an_account_that_is_there_or_is_given_nothing_resembles_nobody() -> None:
    observed = there(*OTHERS, ZOE, roles=(FIN, OPS))
    assert Aside(WANTED) == set_aside(WANTED, observed, owned=Owned(), scope=EVERYTHING)
    nothing = wanted(person("Zoë"))
    assert Aside(nothing) == set_aside(nothing, there(*OTHERS), owned=Owned(), scope=EVERYTHING)


def test_a_role_that_resembles_others_is_given_to_nobody() -> None:
    """Everybody keeps what else they are given, with its reasons."""
    found = set_aside(WANTED, there(roles=CLASHING), owned=Owned(), scope=EVERYTHING)
    zoe, bob = person("Zoë", "ops"), person("bob", "ops")
    assert ({"zoë": zoe, "bob": bob}, {"ops": OPS}) == (found.desired.users, found.desired.roles)
    assert {"zoë": reasons(zoe), "bob": reasons(bob)} == found.desired.because
    assert ((NAME,), ("fin",)) == (found.notes, found.blocked)


def test_both_are_told_and_of_whom_no_reason_is_known_none_is_made_up() -> None:
    unexplained = wanted(BOB, roles=(FIN,)).because
    desired = wanted(ZOE, BOB, person("dan", "fin"), roles=(FIN, OPS))
    because = {name: why for name, why in desired.because.items() if name in unexplained}
    found = set_aside(
        type(desired)(desired.deployment, desired.users, desired.roles, because),
        there(*OTHERS, roles=CLASHING),
        owned=Owned(),
        scope=EVERYTHING,
    )
    assert ((NAME, USERNAME), ("fin", "zoë")) == (found.notes, found.blocked)
    assert {"bob": reasons(person("bob", "ops")), "dan": {}} == found.desired.because


def test_an_account_that_is_not_clear_is_blocked_where_something_is_wanted_of_it_or_is_ours() -> None:
    """It is told all the same; nothing is decided about it."""
    unclear = {name: f"two accounts are {name}" for name in ("bob", "cid", "dan")}
    owned = Owned(grants={"cid": frozenset({"fin"}), "dan": frozenset()})
    found = set_aside(WANTED, there(ZOE, roles=(FIN, OPS), unclear=unclear), owned=owned, scope=EVERYTHING)
    assert [Note("username_clash", text) for text in unclear.values()] == list(found.notes)
    assert ({"zoë"}, ("bob", "cid")) == (set(found.desired.users), found.blocked)
