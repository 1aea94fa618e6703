"""Plans in words: what is shown is safe, short enough, and says what is held apart from what goes on."""

from __future__ import annotations

import pytest

from syncd.model import Change, Held, Outcome, Plan, Scope, Status, User, Why
from syncd.reconcile import DeploymentReport, Report
from syncd.render.change import change_text
from syncd.render.extent import Extent
from syncd.render.lines import Line, plain, safe
from syncd.render.markdown import LONGEST_COMMENT, markdown_safe, report_markdown
from syncd.render.text import approval, going, report_lines, ways_of_held
from syncd.render.view import ChangeView


def user(name: str, *roles: str) -> User:
    return User(name, "", "", "", frozenset(roles))


def report(*deployments: DeploymentReport) -> Report:
    return Report(1, deployments, {})


def text(*deployments: DeploymentReport) -> str:
    return plain(report_lines(report(*deployments), verb="plan"))


@pytest.mark.parametrize("name", ["anna.schmidt", "Zoë O'Neil", "北京", "ความ", "a/b\\c", "👩"])
def test_names_of_people_are_shown_as_they_are(name: str) -> None:
    assert name == safe(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u200bb", r"a\u200bb"),
        ("a\x9b1mb", r"a\x9b1mb"),
        ("a\u2028b", r"a\u2028b"),
        ("a\ud800b", r"a\ud800b"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown_as_its_code(name: str, shown: str) -> None:
    assert shown == safe(name)
    assert shown in text(DeploymentReport("d", plan=Plan("d", Scope(), (Change(None, user(name)),))))


def test_a_change_that_is_cut_in_two_goes_on_with_what_it_gives() -> None:
    whole = Change(
        user("a", "x"), user("a", "y"), (Why("people:g (m.yaml:1)", "y"), Why("no mapping line gives it", "x"))
    )
    held = Held((Change(user("a", "x", "y"), user("a", "y")),), ("too many",), "prod")
    other = Change(None, user("b"))

    [first, second] = going(Plan("d", Scope(), (whole, other)), held)

    assert (("y",), (), (Why("people:g (m.yaml:1)", "y"),)) == (first.granted, first.revoked, first.because)
    assert other == second


def test_a_change_that_is_held_whole_does_not_go_on() -> None:
    change = Change(user("A", "x"), user("A"))

    assert () == going(Plan("d", Scope(), (change,)), Held((change,), ("too many",), "prod"))


def test_the_command_that_approves_can_be_pasted() -> None:
    held = Held((Change(user("a", "x"), user("a")),), ("too many",), "prod")
    command = approval("prod o'neil", held.digest, program="syncd --config 'my config.toml'")

    assert f"syncd --config 'my config.toml' approve 'prod o'\"'\"'neil' {held.digest}" == command


@pytest.mark.finding("U-B20")
def test_what_a_pass_over_some_people_holds_leads_to_the_one_command_that_approves() -> None:
    held = Held((Change(user("a", "x"), user("a")),), ("too many",), "prod")

    def ways(hold: str, *, is_of_all: bool) -> list[str]:
        return [line.text for line in ways_of_held("prod", held.digest, hold, is_of_all=is_of_all)]

    passes = f"to let exactly this pass: syncd approve prod {held.digest}"
    assert [passes] == ways("", is_of_all=True)
    assert [passes, "all of it, and how to leave it undone: syncd hold show h2"] == ways("h2", is_of_all=True)
    assert ["all of it, how it passes, and how to leave it undone: syncd hold show h2"] == ways("h2", is_of_all=False)
    [some] = ways("", is_of_all=False)
    assert some.endswith(": syncd reconcile --dry-run --deployment prod")


def test_deployments_with_nothing_to_do_are_one_line() -> None:
    calm = [DeploymentReport(f"d{n}", plan=Plan(f"d{n}", Scope(), ())) for n in range(2000)]

    assert [
        "nothing to do on 2,000 deployments: d0, d1, d2, d3, d4 and 1,995 more",
        "plan: nothing to do (2,000 deployments, 0.0 s, 0 calls)",
    ] == text(*calm).splitlines()


def test_a_deployment_that_failed_after_its_plan_says_both() -> None:
    plan = Plan("d", Scope(), (Change(None, user("a", "x")),))
    said = text(DeploymentReport("d", plan=plan, error=ValueError("lost")))  # type: ignore[arg-type]  # any error will do

    assert ["d (observe): 1 person gains", "  lost"] == said.splitlines()[1:3]


def test_applied_changes_are_not_repeated() -> None:
    change = Change(None, user("a", "x"))
    plan = Plan("d", Scope(), (change,))
    said = text(DeploymentReport("d", True, plan=plan, outcomes=(Outcome(change, Status.APPLIED),), remaining=plan))

    assert 2 == said.count("+ a  new account")  # as planned, and as not kept; nothing for the outcome itself


def test_lines_of_a_role_name_a_few_and_count_the_rest() -> None:
    plan = Plan("d", Scope(), tuple(Change(None, user(f"u{n}", f"r{n}")) for n in range(60)))
    lines = list(report_lines(report(DeploymentReport("d", plan=plan)), verb="plan", extent=Extent(lines=2)))

    assert Line("    and 58 more (see -v or -o json)", lines[-2].style) == lines[-2]
    assert 2 == sum("new account" in line.text for line in lines)


def test_a_comment_fits_into_what_github_takes() -> None:
    fleet = [
        DeploymentReport(
            f"d{n}", plan=Plan("d", Scope(), tuple(Change(None, user(f"u{m}" * 20, f"r{m}")) for m in range(60)))
        )
        for n in range(100)
    ]
    comment = report_markdown(report(*fleet), verb="plan")

    assert len(comment) < LONGEST_COMMENT + 200
    assert "and 50 deployments more" in comment
    assert "deployments are left out: see `-o json`" in comment


def test_a_role_that_is_finished_says_so() -> None:
    from syncd.model import Permission, Role

    whole = Role("r", frozenset({Permission("can_read", "Pools")}))
    cut_off = Role("r", frozenset(), unfinished=True)

    assert "~ r  finishes a change that was cut off  + can_read on Pools" == change_text(
        ChangeView.of(Change(cut_off, whole))
    )


@pytest.mark.finding("A-F15")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://evil.example/x", "https:&#8203;//evil.example/x"),
        ("HTTP://EVIL.example", "HTTP:&#8203;//EVIL.example"),
        ("see www.evil.example", "see www&#8203;.evil.example"),
        ("WWW.evil.example", "WWW&#8203;.evil.example"),
        ("anna@example.com", "anna@&#8203;example.com"),
        ("a: //b, wwwx.y", "a: //b, wwwx.y"),
    ],
)
def test_no_address_in_a_comment_becomes_a_link(text: str, shown: str) -> None:
    assert shown == markdown_safe(text)
