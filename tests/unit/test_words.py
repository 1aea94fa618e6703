"""What alarms say: to a person who reads nothing else that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.callers import acting, parted
from syncd.daemon import words
from syncd.errors import Problem
from syncd.model import Change, Held, Note, Outcome, Permission, Role, Status, User, Why
from syncd.ports import HeldPlan
from syncd.text.strict import did_you_mean
from syncd.words import LONGEST_VALUE, in_one_line, shortened, some

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = [f"p{n}" for n in range(7)]

UNDOES = "most likely another tool or a second syncd that writes there too"


def loses(name: str, *, why: Why | None = None) -> Change:
    before = User(name, "", "", "", frozenset({"team"}))
    return Change(before, User(name, "", "", "", frozenset()), (why,) if why else ())


@pytest.mark.parametrize(
    ("texts", "between", "said"),
    [
        ((), ", ", ""),
        (("a",), ", ", "a"),
        (("a", "b"), ", ", "a, b"),
        (("a", "b", "c"), ", ", "a, b and 1 more"),
        (("a", "b", "c", "d"), "; ", "a; b; and 2 more"),
    ],
)
def test_the_first_are_named_and_the_rest_counted(texts: Sequence[str], between: str, said: str) -> None:
    assert said == some(texts, 2, between=between)


@pytest.mark.finding("N-401")
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('unknown key "run"; write "runs"', 'unknown key "run"; write "runs"'),
        ("x" * LONGEST_VALUE, "x" * LONGEST_VALUE),
        (f"[{'x' * 5_000}]", f"[{'x' * 79}… 4,882 characters …{'x' * 39}]"),
        (f'unknown key "{"a b " * 1_250}"', f'unknown key "{"a b " * 20}… 4,880 characters …{"a b " * 10}"'),
        (f'role "a" is not there; {"why " * 50}"b" is', f'role "a" is not there; {"why " * 50}"b" is'),
    ],
    ids=["short", "just so", "no quotes", "blanks", "a long sentence between two values"],
)
def test_a_long_value_is_cut_in_the_middle_and_what_is_said_of_it_is_not(said: str, shown: str) -> None:
    assert shown == shortened(said)


@pytest.mark.finding("N-407")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("one line", "one line"),
        (
            "source people is not used until this is put right:\np.yaml:1: no",
            "source people is not used until this is put right: p.yaml:1: no",
        ),
        ("it is not valid\nmake a new one\n", "it is not valid; make a new one"),
        ("right:\na\nb", "right: a; b"),
    ],
)
def test_several_lines_are_told_in_one(text: str, said: str) -> None:
    assert said == in_one_line(text)


@pytest.mark.finding("N-401")
def test_a_mistake_repeats_no_long_value() -> None:
    told = str(Problem("a.yaml", 1, 2, f'unknown level "{"x" * 5_000}"; write view, trigger or edit'))
    assert told.startswith('a.yaml:1:2: unknown level "xxx')
    assert told.endswith('xxx"; write view, trigger or edit')
    assert len(told) < 250


KNOWN = ("can_read", "can_edit", "can_create", "can_delete", "Pools", "dev", "finance-analyst", "bob.miller")


@pytest.mark.finding("N-403")
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("can_see", ""),
        ("can_view", ""),
        ("can_edt", "can_edit"),
        ("can_dleete", "can_delete"),
        ("Can_Read", "can_read"),
        ("Pool", "Pools"),
        ("dve", "dev"),
        ("analyst", "finance-analyst"),
        ("bob.miler", "bob.miller"),
        ("anna.miller", ""),
        ("", ""),
    ],
)
def test_only_what_is_near_was_meant(word: str, meant: str) -> None:
    assert (f'; did you mean "{meant}"?' if meant else "") == did_you_mean(word, KNOWN)


def test_what_is_held_says_why_and_how_it_is_seen_and_let_go() -> None:
    held = Held((loses("ann"), loses("bob")), ("2 of 2 people lose a role", "another limit"), "prod")
    assert (
        "2 changes are held (2 of 2 people lose a role; another limit); see them with: syncd plan -d prod; let exactly these "
        f"go with: syncd approve prod {held.digest}; leave them undone, and be asked no more, with: "
        f"syncd hold reject {held.digest}"
    ) == words.held("prod", held)
    assert "" == words.held("prod", None)


def test_what_is_in_the_inbox_is_named_with_the_commands_that_show_and_reject_it() -> None:
    held = Held((loses("ann"),), ("too many",), "prod")
    assert (
        "1 change is held as h12 (too many); see them with: syncd hold show h12; let exactly these go with: "
        f"syncd approve prod {held.digest}; leave them undone, and be asked no more, with: syncd hold reject h12"
    ) == words.held("prod", held, hold="h12")
    plan = HeldPlan(1, 1, held.digest, NOW, NOW, held, "h12")
    assert (
        "1 change is held as h12 since 2026-03-01 12:00 UTC: approve, reject or correct; see what it is with: "
        "syncd hold show h12"
    ) == words.held_for_long("prod", plan)
    assert "syncd plan -d prod" in words.held_for_long("prod", replace(plan, hold=""))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["bob", "ann", "ann"], f"the server accepted and did not keep changes of ann, bob; {UNDOES}"),
        (NAMES, f"the server accepted and did not keep changes of p0, p1, p2, p3, p4 and 2 more; {UNDOES}"),
    ],
)
def test_what_a_server_did_not_keep_is_said_by_name(names: list[str], said: str) -> None:
    assert said == words.not_converged([loses(name) for name in names])


@pytest.mark.parametrize(
    ("things", "said"),
    [
        (0, ""),
        (3, "3 things were changed there by somebody else; what was put back: syncd audit -d prod"),
    ],
)
def test_what_somebody_else_changed_is_counted(things: int, said: str) -> None:
    assert said == words.drift("prod", things)


HOSTILE = "a\nwhat to do: https://evil.example\u202e\x1b[2J"


@pytest.mark.finding("N-408")
def test_no_name_begins_a_line_of_an_alarm_or_turns_its_text_around() -> None:
    change = loses(HOSTILE, why=Why(f"okta:{HOSTILE}", "team"))
    told = [
        words.not_converged([change]),
        words.waiting([Outcome(change, Status.PENDING, HOSTILE)]),
        words.frozen({HOSTILE: HOSTILE}),
        words.noted([Note("renamed", HOSTILE)], "renamed"),
        words.uncertified([HOSTILE], HOSTILE),
        words.person_joined([Note("person_joined", HOSTILE)]),
        words.blocked([HOSTILE], [Note("name_clash", HOSTILE)]),
        words.held("prod", Held((change,), (HOSTILE,), "prod")),
    ]
    assert [] == [text for text in told if not text.isprintable() or r"a\nwhat to do" not in text]


def test_roles_that_nobody_loses_for_now_are_said_by_their_cause() -> None:
    assert "" == words.frozen({})
    roles = {"ops": "okta is down", "finance": "cut off", "crew": "okta is down"}
    assert ("nobody who left loses these roles for now: crew, ops: okta is down; finance: cut off") == words.frozen(
        roles
    )
    many = words.frozen({name: f"cause {name}" for name in NAMES})
    assert many.endswith("p4: cause p4; and 2 more causes")


def test_notes_of_one_kind_are_said_and_no_others() -> None:
    notes = [Note("renamed", f"text {n}") for n in range(4)] + [Note("other", "no")]
    assert "text 0; text 1; text 2; and 1 more" == words.noted(notes, "renamed")
    assert "" == words.noted(notes, "neither")


def test_who_asks_to_be_joined_is_said_first_and_where_the_others_are() -> None:
    notes = [Note("person_joined", "ann is anna?"), Note("frozen", "no"), Note("person_joined", "bob is rob?")]
    assert "ann is anna?; and 1 more, see syncd plan" == words.person_joined(notes)
    assert "" == words.person_joined(notes[1:2])


def test_what_is_left_alone_says_both_kinds_of_clash() -> None:
    notes = [Note("username_clash", "Ann is ann"), Note("name_clash", "Fin is fin")]
    assert "left alone: Ann, Fin: Fin is fin; Ann is ann" == words.blocked(["Ann", "Fin"], notes)
    assert "" == words.blocked([], notes)


@pytest.mark.finding("U-B15")
def test_failures_say_how_many_and_nothing_that_the_alarm_says_itself() -> None:
    assert "https://okta: no answer" == words.source_failed("okta", "source okta: https://okta: no answer")
    assert ("5 passes in a row failed; it is tried again every quarter of an hour: refused") == words.quarantined(
        5, ValueError("refused")
    )
    assert "a, b: not read whole, so nobody loses anything by them; cut off" == words.uncertified(["a", "b"], "cut off")


@pytest.mark.finding("N-406")
@pytest.mark.parametrize("name", ["anna", "uid 1000", "api:ann", "CORP\\anna", ""])
@pytest.mark.parametrize("said", ["", "bob.ops"])
@pytest.mark.parametrize("reason", ["", "ticket 12", "as told: by mail (see: above)"])
def test_who_approved_and_why_are_parted_as_they_were_put_together(name: str, said: str, reason: str) -> None:
    assert (acting(name, said=said), reason) == parted(acting(name, said=said, reason=reason))


@pytest.mark.parametrize(
    ("name", "said", "written"),
    [
        ("root", "anna", "anna (via root)"),
        ("anna", "anna", "anna"),
        ("anna (via root)", "anna", "anna (via root)"),
        ("anna (via root)", "bob", "bob (via anna (via root))"),
        ("root", "", "root"),
    ],
)
def test_who_is_known_already_stands_there_once(name: str, said: str, written: str) -> None:
    assert written == acting(name, said=said)


def test_what_a_role_lost_on_a_dag_at_once_is_most_likely_the_code_of_that_dag() -> None:
    has = Role("fin", frozenset({Permission("can_read", "DAG:a", "a")}))

    assert words.not_converged([Change(Role("fin", frozenset()), has)]).endswith(
        "; most likely the access_control of a DAG's code, or another tool or a second syncd that writes there too"
    )
