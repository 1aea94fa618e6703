"""What may be given for a time, by whom, to whom, and what is said where it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from syncd.access.granting import GrantGround, GrantPlace, GrantRefused, GrantWish, check_approval, may_end, requested
from syncd.directory.narrow import DirectoryView
from syncd.mapping.parse import parse
from syncd.model import (
    EVERYONE,
    Allowance,
    Certificate,
    Deployment,
    Directory,
    GrantRequest,
    GrantsAllowed,
    GrantWord,
    Group,
    Identity,
    LabelTest,
    Members,
    RoleMode,
    TimedGrant,
)
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = parse(
    {"mappings/a.yaml": b"roles: {finance: {dags: [{level: view, tag: f}]}}\nbindings: []\n"}, namings=[NAMING]
)
PROD = Deployment("prod", {"env": "prod"}, protected=frozenset({"root"}), naming=NAMING)
OP = Allowance(("anna",), ("Op", "fin*"), HOUR * 2)
ROOT = GrantWord("anna (via root)", "host", NOW)


def group(id_: str, *members: str, whole: bool = True) -> Members:
    read = Certificate(1, len(members), None, NOW, complete=whole, why="cut")
    return Members(Group("okta", id_, id_, frozenset(members), read), certified=whole)


def ground(*lines: Allowance, whole: bool = True, **changed: object) -> GrantGround:
    people = [
        Identity("okta", f"u{n}", n, f"{n}@x.example", n, "T", active=n != "gone") for n in ("bob", "gone", "root")
    ]
    people.append(Identity("okta", "u9", "other", "bob@x.example", "Bob", "Two"))
    groups = [group(EVERYONE, "ubob", "uroot", "u9", whole=whole), group("oncall", "ubob")]
    directory = Directory(
        {(i.source, i.id): i for i in people},
        {("okta", m.group.id): m for m in groups},
        read=frozenset({"okta"}),
        **changed,  # type: ignore[arg-type]
    )
    places = {"prod": GrantPlace(PROD), "lab": GrantPlace(replace(PROD, name="lab"), enforce=False)}
    return GrantGround(GrantsAllowed(lines or (OP,)), RULES, DirectoryView(directory), places)


def wish(user: str = "bob", role: str = "Op", deployment: str = "prod", *, hours: float = 1) -> GrantWish:
    return GrantWish(user, role, deployment, HOUR * hours, "incident", "INC-1")


def test_what_a_line_allows_is_asked_for_by_the_identity_that_names_the_account() -> None:
    found = requested(wish("BOB"), ground(), asked=ROOT)
    assert GrantRequest("prod", "Op", ("okta", "ubob"), "bob", HOUR, "incident", ROOT, "INC-1") == found


def test_it_waits_only_where_no_line_gives_it_without_another_word() -> None:
    asks = replace(OP, approvers=("eve",))
    assert NOW + timedelta(hours=24) == requested(wish(), ground(asks), asked=ROOT).expires_at
    assert None is requested(wish(), ground(asks, OP), asked=ROOT).expires_at


REFUSED = {
    "nobody": (wish("bbo"), ground(), 'no source knows "bbo"; did you mean "bob"?'),
    "several": (wish("bob@x.example"), ground(), '"bob@x.example" may be several people; write one of okta:u9, okta:ubob'),
    "a leaver": (wish("gone"), ground(), "okta:gone is not active; nothing is given to who left"),
    "protected": (wish("root"), ground(), "it is protected on this deployment"),
    "unread": (wish(), ground(whole=False), "not everybody in okta was read whole yet"),
    "down": (wish(), ground(failed={"okta": "503"}), "okta could not be read (503), so nobody can say whether"),
    "no deployment": (wish(deployment="prd"), ground(), 'no deployment "prd"; did you mean "prod"?'),
    "observed": (wish(deployment="lab"), ground(), "lab is only observed (mode = observe)"),
    "only added": (
        wish(),
        replace(ground(), places={"prod": GrantPlace(replace(PROD, add_only=True))}),
        "nothing is taken on prod (mode = add-only), so nothing given there would end",
    ),
    "a role of another mode": (
        wish(role="finance"),
        replace(ground(), rules=replace(RULES, roles={"finance": replace(RULES.roles["finance"], mode=RoleMode.ADD_ONLY)})),
        'the role "finance" is in mode add-only in the mapping, so it would not be given and taken',
    ),
    "no role": (wish(role="finanec"), ground(), 'no mapping file defines a role "finanec", nor does prod have it; did'),
    "another asks": (wish(), ground(replace(OP, by=("eve",))), "it is for eve to ask, not for anna"),
    "another role": (wish(role="Admin"), ground(), "the role may be Op, fin*, not Admin"),
    "too long": (wish(hours=3), ground(), "it may last 2h at most, not 3h"),
    "too short": (wish(hours=0.001), ground(), "a grant lasts a minute at least"),
    "not there": (
        wish(),
        ground(replace(OP, deployments=(LabelTest("env", frozenset({"dev"})),))),
        "prod is none of the deployments that it is for",
    ),
    "not in a group": (wish("okta:u9"), ground(replace(OP, groups=("okta:oncall",))), "okta:other is in none of okta:oncall"),
    "a group that is not there": (wish(), ground(replace(OP, groups=("okta:none",))), "is in none of okta:none"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_allowed_is_refused_with_what_would_be(case: str) -> None:
    asked, on, said = REFUSED[case]
    with pytest.raises(GrantRefused) as caught:
        requested(asked, on, asked=ROOT)
    assert said in str(caught.value)


def test_nothing_may_be_given_where_the_configuration_says_nothing() -> None:
    bare = replace(ground(), allowed=GrantsAllowed())
    with pytest.raises(GrantRefused, match="the configuration allows no grants"):
        requested(wish(), bare, asked=ROOT)


def test_a_member_of_a_group_that_a_line_names_may_be_given_it() -> None:
    assert ("okta", "ubob") == requested(wish(), ground(replace(OP, groups=("okta:oncall",))), asked=ROOT).who


def waiting(by: str = "anna") -> TimedGrant:
    asked = GrantWord(by, "host", NOW)
    return TimedGrant(1, GrantRequest("prod", "Op", ("okta", "ubob"), "bob", HOUR, "incident", asked, "", NOW + HOUR))


APPROVALS = {
    "another person": ("eve (via root)", NOW, ""),
    "the same person": ("anna (via syncd)", NOW, "another person has to let it pass"),
    "somebody else": ("mallory", NOW, "it is for eve to say"),
    "too late": ("eve", NOW + HOUR, "does not wait for anybody's word: it is over"),
}


@pytest.mark.parametrize("case", APPROVALS)
def test_another_person_lets_it_pass(case: str) -> None:
    by, at, said = APPROVALS[case]
    on = ground(
        replace(OP, approvers=("eve", "anna")) if case == "the same person" else replace(OP, approvers=("eve",))
    )
    word = GrantWord(by, "host", at)
    if not said:
        check_approval(waiting(), on, word)
        return
    with pytest.raises(GrantRefused) as caught:
        check_approval(waiting(), on, word)
    assert said in str(caught.value)


def test_who_left_meanwhile_is_given_nothing_by_an_approval() -> None:
    left = replace(waiting(), request=replace(waiting().request, who=("okta", "ugone")))
    with pytest.raises(GrantRefused, match="is not active"):
        check_approval(left, ground(replace(OP, approvers=("eve",))), GrantWord("eve", "host", NOW))


@pytest.mark.parametrize(("by", "may"), [("anna", True), ("eve", True), ("mallory", False)])
def test_a_grant_is_ended_by_who_asked_or_could_have(by: str, *, may: bool) -> None:
    assert may is may_end(waiting(), GrantsAllowed((replace(OP, by=("eve",)),)), GrantWord(by, "host", NOW))
