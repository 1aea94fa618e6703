"""People to whom the same is done are one line, notes of a kind are told together, and what it comes to is told first."""

from __future__ import annotations

import pytest

from syncd.model import Change, Held, Kept, Note, Outcome, Plan, Role, Scope, Status, User, Why
from syncd.plan.on_people import Effects, OfRole, Toll
from syncd.reconcile import DeploymentReport, Report
from syncd.render.alike import change_lines
from syncd.render.extent import EVERYTHING_SHOWN, Extent
from syncd.render.lines import plain
from syncd.render.markdown import LONGEST_COMMENT, report_markdown
from syncd.render.notes import note_texts
from syncd.render.text import report_lines
from syncd.render.view import ChangeView

FINANCE = Why("people:finance (m.yaml:1)", "finance")
ENDED = Why("left the group", "Viewer")
NAMES = ("anna", "bob", "carl", "dora", "eva")


def user(name: str, *roles: str) -> User:
    return User(name, "", "", "", frozenset(roles))


def given(name: str, *why: Why) -> Change:
    return Change(user(name), user(name, "finance"), why or (FINANCE,))


def said(*changes: Change, extent: Extent | None = None) -> list[str]:
    lines = change_lines(map(ChangeView.of, changes), extent or Extent())
    return [line.removeprefix("    ") for line in plain(lines).splitlines()]


SAME: dict[str, tuple[list[Change], list[str]]] = {
    "one person is told as ever": ([given("anna")], ["~ anna  + finance   because people:finance (m.yaml:1)"]),
    "several gain the same": (
        list(map(given, NAMES)),
        ["~ 5 people gain finance: anna, bob, carl and 2 more   because people:finance (m.yaml:1)"],
    ),
    "several get an account": (
        [Change(None, user(name, "finance", "Viewer"), (FINANCE,)) for name in NAMES[:2]],
        ["+ 2 people get an account and gain Viewer, finance: anna, bob   because finance: people:finance (m.yaml:1)"],
    ),
    "several gain and lose": (
        [Change(user(name, "Viewer"), user(name, "finance"), (FINANCE, ENDED)) for name in NAMES[:2]],
        ["~ 2 people gain finance and lose Viewer: anna, bob   because finance: people:finance (m.yaml:1); "
         "Viewer: left the group"],
    ),
    "several lose their account": (
        [Change(user(name), None) for name in NAMES[:3]], ["− 3 people lose their account: anna, bob, carl"],
    ),
    "for another reason is another line": (
        [given("anna"), given("bob", Why("people:all (m.yaml:9)", "finance")), given("carl")],
        ["~ 2 people gain finance: anna, carl   because people:finance (m.yaml:1)",
         "~ bob  + finance   because people:all (m.yaml:9)"],
    ),
    "roles are told one by one": (
        [Change(Role("a", frozenset()), None), Change(Role("b", frozenset()), None)],
        ["− a  role is deleted", "− b  role is deleted"],
    ),
}  # fmt: skip


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("case", SAME)
def test_people_to_whom_the_same_is_done(case: str) -> None:
    changes, expected = SAME[case]

    assert expected == said(*changes)


def test_whoever_wants_all_names_gets_them() -> None:
    [line] = said(*map(given, NAMES), extent=EVERYTHING_SHOWN)

    assert "anna, bob, carl, dora, eva " in line


def test_of_too_many_lines_the_people_are_counted() -> None:
    different = [given(f"u{n}", Why(f"people:g{n % 3}", "finance")) for n in range(30)]

    assert "and 20 more (see -v or -o json)" == said(*different, extent=Extent(lines=1))[-1]


def test_a_name_in_a_line_of_many_is_safe() -> None:
    [line] = said(given("a\x1b[2J"), given("b\u202e"))

    assert r"a\x1b[2J, b\u202e" in line


@pytest.mark.finding("U-9")
def test_notes_of_a_kind_are_told_together() -> None:
    many = [Note("manual_grant", f"m{n}") for n in range(200)]
    four = [Note("frozen", f"f{n}") for n in range(4)]

    assert [
        "m0", "m1", "m2", "and 197 notes of this kind (manual_grant; see -v or -o json)", "f0", "f1", "f2", "f3", "x",
    ] == list(note_texts([many[0], *four, *many[1:], Note("other", "x")]))  # fmt: skip
    assert 205 == len(list(note_texts([*many, *four, Note("other", "x")], EVERYTHING_SHOWN)))


def report(*deployments: DeploymentReport, notes: tuple[Note, ...] = ()) -> Report:
    return Report(1, deployments, {}, notes)


def test_how_changes_ended_is_told_of_people_who_are_alike() -> None:
    changes = tuple(map(given, NAMES))
    ended = tuple(Outcome(change, Status.FAILED, "500: no space left") for change in changes)
    plan = Plan("d", Scope(), changes, kept=tuple(Kept(name, "ops", "okta:ops is in doubt") for name in NAMES))

    lines = plain(
        report_lines(report(DeploymentReport("d", True, plan=plan, outcomes=ended)), verb="apply")
    ).splitlines()

    assert "    ~ 5 people gain finance: anna, bob, carl and 2 more: 500: no space left" in lines
    assert "    5 people keep ops although no line gives it (anna, bob, carl and 2 more): okta:ops is in doubt" in lines


@pytest.mark.finding("U-9")
def test_what_it_comes_to_is_told_before_any_detail() -> None:
    effects = Effects(gains=Toll(5, roles=(OfRole("finance", 5), *(OfRole(f"r{n}", 1) for n in range(4)))))
    plan = Plan("", Scope(), tuple(map(given, NAMES)))
    fleet = [DeploymentReport(name, plan=plan, effects=effects) for name in ("a", "b")]

    assert [
        "plan: 10 changes on 2 deployments (2 deployments, 0.0 s, 0 calls)",
        "a (observe): 5 people gain",
        "  5 people gain finance",
        "  1 person gains r0",
        "  1 person gains r1",
        "  and 2 more roles",
        "b (observe): 5 people gain",
    ] == plain(report_lines(report(*fleet), verb="plan")).splitlines()[:7]


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("deployments", [1, 3, 100])
def test_a_comment_says_what_is_left_out(deployments: int) -> None:
    """Everything at its longest: reasons, names, notes that nobody can group, and back quotes that make fences longer."""
    changes = tuple(given(f"{'`' * 90}{n}", Why("x" * 5_000 + str(n), "finance")) for n in range(60))
    notes = tuple(Note(f"kind{n}", "* " * 450) for n in range(60))
    plan = Plan("d", Scope(), changes, notes=notes)
    fleet = [
        DeploymentReport(f"d{n}", plan=plan, held=Held(changes, ("y" * 9_000,), "d"), error=None)
        for n in range(deployments)
    ]

    comment = report_markdown(report(*fleet, notes=notes), verb="plan")

    assert len(comment) <= LONGEST_COMMENT + 1_000
    assert "more notes are left out: see `-o json`" in comment
    assert "lines (see -o json)" in comment
    assert ("deployments are left out" in comment) == (deployments == 100)
    assert comment.count("<details>") == comment.count("</details>") > 0
