"""A plan says what it does to people, whichever change does it: in the report of a pass, in text, Markdown and JSON."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.daemon.words import held as held_words
from syncd.model import Change, Held, ObservedState, Owned, Plan, Role, Scope, User
from syncd.plan.on_people import effects_on_people
from syncd.reconcile import DeploymentReport, Report
from syncd.render.effects import effect_lines, effect_lines_of, effects_json
from syncd.render.json import report_json
from syncd.render.lines import plain
from syncd.render.markdown import report_markdown
from syncd.render.text import report_lines
from syncd.targets.airflow.naming import permission
from syncd.targets.memory import DIALECT

PII = Role(
    "pii",
    frozenset(
        permission(action, f"{kind}:pii_{n:03}")
        for n in range(143)
        for action, kind in (("can_read", "DAG"), ("can_edit", "DAG"), ("can_create", "DAG Run"))
    ),
)
PEOPLE = {f"p{n:02}": User(f"p{n:02}", "", "", "", frozenset({"pii"})) for n in range(12)}
OBSERVED = ObservedState("prod", PEOPLE, {"pii": PII})


def report(*changes: Change, held: bool = False, not_ours: int = 0) -> Report:
    owned = Owned(grants={name: frozenset({"pii"}) for name in list(PEOPLE)[not_ours:]})
    effects = effects_on_people(OBSERVED, changes, owned=owned, dialect=DIALECT)
    this = DeploymentReport(
        "prod",
        True,
        plan=Plan("prod", Scope(), changes),
        effects=effects,
        held=Held(changes, ("too many",), "prod") if held else None,
        held_effects=effects if held else None,
    )
    return Report(1, (this,), {})


def text(this: Report) -> list[str]:
    return plain(report_lines(this, verb="plan")).splitlines()


@pytest.mark.finding("H-D1")
def test_a_role_that_goes_is_said_in_people_and_dags() -> None:
    this = report(Change(PII, None))

    assert [
        "prod (enforce): 12 people lose, 1 role changes",
        "  12 people lose trigger on 143 DAGs (pii: 12)",
    ] == text(this)[1:3]
    assert "- 12 people lose trigger on 143 DAGs (pii: 12)\n" in report_markdown(this, verb="plan")


@pytest.mark.finding("H-D1")
def test_what_another_hand_had_given_is_said_apart() -> None:
    assert "  2 people lose what another hand had given them" in text(report(Change(PII, None), not_ours=2))


def test_what_is_held_says_what_it_would_do() -> None:
    said = text(report(Change(PII, None), held=True))

    assert "    if it passes, 12 people lose trigger on 143 DAGs (pii: 12)" in said


@pytest.mark.finding("H-D1")
def test_programs_get_all_of_it() -> None:
    plan: dict[str, Any] = report_json(report(Change(PII, None)))["deployments"][0]["plan"]

    [on_dags] = plan["effects"]["loses"]["on_dags"]
    assert ("trigger", 12, 143, False) == tuple(on_dags[name] for name in ("level", "people", "count", "every_dag"))
    assert [{"role": "pii", "people": 12}] == on_dags["roles"]
    assert "pii_000" == on_dags["dags"][0]
    assert {"gain": 0, "lose": 12, "roles": 1} == plan["counts"]


def test_one_dag_is_named_and_many_roles_are_cut_short() -> None:
    roles = {f"r{n}": Role(f"r{n}", frozenset({permission("can_read", "DAG:one")})) for n in range(5)}
    anna = User("anna", "", "", "", frozenset(roles))
    change = Change(anna, User("anna", "", "", "", frozenset()))
    effects = effects_on_people(ObservedState("prod", {"anna": anna}, roles), [change], owned=Owned(), dialect=DIALECT)
    this = DeploymentReport("prod", plan=Plan("prod", Scope(), (change,)), effects=effects)

    assert "  1 person loses view on DAG one (r0: 1, r1: 1, r2: 1 and 2 more roles)" in text(Report(1, (this,), {}))


@pytest.mark.finding("H-D2")
def test_the_effects_that_a_daemon_answers_are_said_in_the_same_words() -> None:
    [this] = report(Change(PII, None), Change(None, User("new", "", "", "", frozenset())), not_ours=3).deployments

    assert this.effects is not None
    assert list(effect_lines(this.effects)) == list(effect_lines_of(effects_json(this.effects)))


@pytest.mark.parametrize("at", ["level", "people", "every_dag", "count", "dags", "roles"])
@pytest.mark.parametrize("wrong", [{}, [[]], 1.5, True, [1]])
def test_effects_that_are_none_are_not_shown(at: str, wrong: object) -> None:
    found: Any = effects_json(report(Change(PII, None)).deployments[0].effects)
    if (at, wrong) == ("every_dag", True):
        wrong = "yes"
    found["loses"]["on_dags"][0][at] = wrong

    assert [] == list(effect_lines_of(found))
    assert [] == list(effect_lines_of(None)) == list(effect_lines_of({}))


@pytest.mark.finding("H-D1")
def test_the_alarm_of_what_is_held_says_what_people_would_lose() -> None:
    [this] = report(Change(PII, None), held=True).deployments

    assert "if they pass, 12 people lose trigger on 143 DAGs (pii: 12); see" in held_words(
        "prod", this.held, this.held_effects
    )
