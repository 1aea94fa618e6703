"""What the rules want of a deployment: who, which roles with which permissions, why, and what may not be taken now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_world import (
    ANN,
    BOB,
    CID,
    DAGS,
    DIALECT,
    NOW,
    PROD,
    compiled,
    directory,
    grants,
    group,
    notes,
    permissions,
    person,
    snapshot,
)

from syncd.directory.join import join
from syncd.directory.usernames import USERNAME_FIELDS, username_of
from syncd.mapping.accounts import template_problem
from syncd.mapping.compile import compile_desired
from syncd.mapping.inventory import Inventory
from syncd.mapping.not_now import given_at_other_hours
from syncd.mapping.parse import parse
from syncd.mapping.select import chooses, idle_bindings
from syncd.model import (
    At,
    BuiltIn,
    Dag,
    DagSelector,
    Deployment,
    DesiredState,
    Dialect,
    GroupRef,
    Level,
    Reason,
    Role,
    Rule,
    User,
)
from syncd.targets.airflow.naming import NAMING

WEBSITE = "can_read on Website"


def viewer(group_name: str = "people:finance", *, deployments: str = "all", more: str = "") -> str:
    return f"bindings:\n  - {{group: {group_name}, roles: [Viewer], deployments: {deployments}{more}}}\n"


def bound(body: str) -> str:
    """Give a mapping that defines the role r and binds it to people:finance."""
    return f"roles:\n  r: {body}\nbindings:\n  - {{group: people:finance, roles: [r], deployments: all}}\n"


FINANCE = directory([ANN, BOB], group("finance", "ann"))


# --- people and their roles -------------------------------------------------------------------------------------------


def test_members_get_the_roles_of_a_binding_and_others_get_nothing() -> None:
    desired = compiled(viewer(), FINANCE)

    assert {"ann": User("ann", "ann@corp.example", "Given", "Family", frozenset({"Viewer"}))} == desired.users
    assert {} == desired.roles
    assert {} == desired.frozen
    assert () == desired.notes


def test_each_grant_carries_every_reason_in_the_order_of_the_rules() -> None:
    mapping = """\
bindings:
  - {group: people:finance, roles: [Viewer, Op], deployments: all, until: 2030-01-01, reason: FIN-1}
  - {group: people:leads, roles: [Op], deployments: all}
"""
    desired = compiled(mapping, directory([ANN], group("finance", "ann"), group("leads", "ann")))

    first = Reason("people", "id-finance", "finance", "m.yaml:2", datetime(2030, 1, 2, tzinfo=UTC), "FIN-1")
    second = Reason("people", "id-leads", "leads", "m.yaml:3")
    assert {"Viewer": (first,), "Op": (first, second)} == desired.because["ann"]
    assert frozenset({"Viewer", "Op"}) == desired.users["ann"].roles


def test_an_inactive_person_gets_nothing() -> None:
    known = directory([replace(ANN, active=False), BOB], group("finance", "ann", "bob"))

    assert {("bob", "Viewer")} == grants(compiled(viewer(), known))


@pytest.mark.parametrize(
    ("deployments", "is_chosen"),
    [
        ("all", True),
        ("{env: prod}", True),
        ("{env: [dev, prod]}", True),
        ("{env: dev}", False),
        ("{env: prod, region: eu}", False),
        ("{name: prod}", True),
        ("{name: [a, b]}", False),
    ],
)
def test_labels_choose_the_deployment(deployments: str, is_chosen: bool) -> None:
    assert is_chosen == bool(compiled(viewer(deployments=deployments), FINANCE).users)


def test_the_label_name_is_the_name_of_the_deployment_whatever_its_labels_say() -> None:
    liar = Deployment("prod", {"name": "dev"}, naming=NAMING)

    assert {} == compiled(viewer(deployments="{name: dev}"), FINANCE, liar).users


def test_a_binding_gives_nothing_from_its_end_on() -> None:
    mapping = viewer(more=", until: 2026-05-31")
    end = datetime(2026, 6, 1, tzinfo=UTC)

    assert {"ann"} == set(compiled(mapping, FINANCE, now=end - timedelta(seconds=1)).users)
    after = compiled(mapping, FINANCE, now=end)
    assert {} == after.users
    assert [
        "expired_binding m.yaml:2: this binding of people:finance ended at 2026-06-01 00:00 UTC; take it out"
    ] == notes(after)


def test_a_role_is_wanted_as_long_as_a_live_binding_here_names_it() -> None:
    mapping = """\
roles:
  unbound: {permissions: [can_read on Pools]}
  elsewhere: {permissions: [can_read on Pools]}
  over: {permissions: [can_read on Pools]}
  wanted: {permissions: [can_read on Pools]}
bindings:
  - {group: people:nobody, roles: [wanted, Viewer], deployments: all}
  - {group: people:nobody, roles: [elsewhere], deployments: {env: dev}}
  - {group: people:nobody, roles: [over], deployments: all, until: 2020-01-01}
"""
    desired = compiled(mapping, directory([], group("nobody")))

    assert {"wanted": Role("wanted", permissions(WEBSITE, "can_read on Pools"))} == desired.roles


# --- groups -----------------------------------------------------------------------------------------------------------


def test_the_id_of_a_group_decides_over_its_name() -> None:
    known = directory([ANN, BOB], group("new", "ann", identifier="g1"), group("old", "bob", identifier="g2"))
    desired = compiled(viewer("{source: people, id: g1, name: old}"), known)

    assert {("ann", "Viewer")} == grants(desired)
    renamed = 'm.yaml:2: the group with the id g1 is now called "new", not "old"; the id decides; correct the name'
    assert [f"group_renamed {renamed}"] == notes(desired)


def test_an_id_that_is_not_there_is_not_replaced_by_the_name() -> None:
    desired = compiled(viewer("{source: people, id: gone, name: finance}"), FINANCE)

    assert {} == desired.users
    assert {"Viewer": "there is no group people:finance"} == desired.frozen


def test_a_name_is_looked_up_within_its_source_only() -> None:
    other = person("bob", source="okta")
    known = directory([ANN, other], group("finance", "ann"), group("finance", "bob", source="okta"))

    assert {("bob", "Viewer")} == grants(compiled(viewer("okta:finance"), known))


def test_a_name_of_several_groups_gives_nothing_and_takes_nothing_and_stops_nobody_else() -> None:
    known = directory(
        [ANN, BOB],
        group("finance", identifier="g2"),
        group("finance", "ann", identifier="g1"),
        group("other", "bob", identifier="g3"),
    )
    mapping = f"{viewer()}  - {{group: people:other, roles: [Op], deployments: all}}\n"
    desired = compiled(mapping, known)
    assert ({("bob", "Op")}, {"Viewer": "2 groups are called people:finance"}) == (
        grants(desired),
        dict(desired.frozen),
    )
    [note] = notes(desired)
    assert note.startswith("group_name_shared m.yaml:2: 2 groups are called people:finance; none gives anything")
    assert note.endswith("write {source: people, id: g1} or {source: people, id: g2}")


def test_a_missing_group_gives_nothing_and_freezes_its_roles() -> None:
    mapping = bound("{permissions: [can_read on Pools]}")
    desired = compiled(mapping, directory([ANN]))

    assert {} == desired.users
    assert {"r"} == set(desired.roles)
    assert {"r": "there is no group people:finance"} == desired.frozen
    assert ["group_missing m.yaml:4: there is no group people:finance; nobody loses r for now"] == notes(desired)


def test_a_missing_group_of_a_source_that_failed_says_so() -> None:
    desired = compiled(viewer(), join({}, {}, {"people": "it is on fire"}))

    why = "the group people:finance is not known, because its source failed: it is on fire"
    assert {"Viewer": why} == desired.frozen


def test_a_missing_group_of_another_deployment_freezes_nothing() -> None:
    assert {} == compiled(viewer("people:gone", deployments="{env: dev}"), FINANCE).frozen


def test_the_seen_members_of_a_group_that_was_never_read_whole_get_the_role_and_nobody_loses_it() -> None:
    known = directory([ANN], group("finance", "ann", complete=False, why="page 2 was cut"))
    desired = compiled(viewer(), known)

    assert {("ann", "Viewer")} == grants(desired)
    assert {"Viewer": "the group people:finance was never read whole: page 2 was cut"} == desired.frozen


def test_members_carried_over_keep_the_role_with_a_stale_reason_and_nothing_is_frozen() -> None:
    earlier = snapshot([ANN, BOB], group("finance", "ann", "bob"))
    fresh = snapshot([ANN, BOB], group("finance", "ann", complete=False))
    desired = compiled(viewer(), join({"people": fresh}, {"people": earlier}, {}))

    assert {("ann", "Viewer"), ("bob", "Viewer")} == grants(desired)
    assert [False] == [reason.stale for reason in desired.because["ann"]["Viewer"]]
    assert [True] == [reason.stale for reason in desired.because["bob"]["Viewer"]]
    assert {} == desired.frozen


def test_a_member_of_whom_the_source_says_nothing_freezes_the_role() -> None:
    desired = compiled(viewer(), directory([ANN], group("finance", "ann", "d", "c", "b", "a")))

    why = "people:finance has members of whom the source says nothing: a, b, c and 1 more"
    assert {("ann", "Viewer")} == grants(desired)
    assert {"Viewer": why} == desired.frozen
    assert [f"member_unknown m.yaml:2: {why}; nobody who may be one of them loses Viewer for now"] == notes(desired)


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{login}", "Ann@Corp"),
        ("okta_{id}", "okta_00u1"),
        ("{email}", "ann@mail.example"),
        ("{id}.{login}", "00u1.Ann@Corp"),
    ],
)
def test_user_names_follow_the_template_and_are_keyed_without_regard_to_case(template: str, expected: str) -> None:
    known = directory([person("00u1", login="Ann@Corp", email="ann@mail.example")], group("finance", "00u1"))
    desired = compiled(viewer(), known, replace(PROD, username=template))

    assert {expected.casefold(): expected} == {name: user.username for name, user in desired.users.items()}
    assert desired.users.keys() == desired.because.keys()


def test_what_airflow_wants_and_a_source_lacks_is_made_up() -> None:
    bare = person("00u1", login="ann.lee@corp", email="", given_name=" ", family_name="")
    desired = compiled(viewer(), directory([bare], group("finance", "00u1")))

    made_up = User("ann.lee@corp", "ann.lee@corp@example.invalid", "ann.lee", "-", frozenset({"Viewer"}))
    assert made_up == desired.users["ann.lee@corp"]


def test_a_first_name_is_made_up_of_the_user_name_where_there_is_no_login() -> None:
    bare = person("00u1", login="", given_name="")
    desired = compiled(viewer(), directory([bare], group("finance", "00u1")), replace(PROD, username="x_{id}"))

    assert "x_00u1" == desired.users["x_00u1"].first_name


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("", "the source does not state what the template of user names asks for"),
        ("a/b", "'a/b' cannot be reached by the API: a slash, dots alone or nothing lead elsewhere"),
        ("a\x07b", "'a\\x07b' cannot be reached by the API because of a control character, half a surrogate pair or <"),
        ("<b>", "'<b>' cannot be reached by the API because of a control character, half a surrogate pair or <"),
        (".", "'.' cannot be reached by the API: a slash, dots alone or nothing lead elsewhere"),
        ("..", "'..' cannot be reached by the API: a slash, dots alone or nothing lead elsewhere"),
        ("x" * 513, f"'{'x' * 40}'... cannot be reached by the API: it has more than 512 characters"),
    ],
)
def test_a_person_whose_account_cannot_be_addressed_gets_nothing(login: str, why: str) -> None:
    desired = compiled(viewer(), directory([person("00u1", login=login), ANN], group("finance", "00u1", "ann")))

    assert {("ann", "Viewer")} == grants(desired)
    text = f'people:{login or "00u1"} gets nothing, because of the user name "{login}": {why}'
    assert [f"username_unusable {text}"] == notes(desired)


def test_an_empty_field_is_not_papered_over_by_the_rest_of_the_template() -> None:
    known = directory([person("00u1", login="")], group("finance", "00u1"))

    assert {} == compiled(viewer(), known, replace(PROD, username="corp_{login}")).users


def test_two_people_with_one_account_get_no_change_at_all() -> None:
    people = [person("00u1", login="Ann"), person("00u2", login="ann"), BOB]
    desired = compiled(viewer(), directory(people, group("finance", "00u1", "00u2", "bob")))

    why = "people:Ann (id 00u1) and people:ann (id 00u2) would share one account"
    assert {"bob"} == desired.users.keys() == desired.because.keys()
    assert {"ann": why} == desired.frozen_users
    assert "username_clash" == desired.notes[0].code
    assert f'"ann" is not touched: {why}' == desired.notes[0].text.partition(";")[0]


def test_three_people_of_several_sources_with_one_account_are_all_named() -> None:
    people = [person("ann", source=s) for s in ("a", "b", "c")]
    mapping = "bindings:\n" + "".join(f"  - {{group: {s}:g, roles: [Viewer], deployments: all}}\n" for s in "abc")
    desired = compiled(mapping, directory(people, *(group("g", "ann", source=s) for s in "abc")))

    assert {
        "ann": "a:ann (id ann) and b:ann (id ann) and c:ann (id ann) would share one account"
    } == desired.frozen_users


def test_an_account_is_shared_only_by_people_who_are_given_something() -> None:
    outsider, leaver = person("00u2", login="ann"), replace(person("00u3", login="ann"), active=False)
    desired = compiled(viewer(), directory([ANN, outsider, leaver], group("finance", "ann", "00u3")))

    assert {("ann", "Viewer")} == grants(desired)
    assert {} == desired.frozen_users


def test_two_accounts_with_one_e_mail_are_noted() -> None:
    people = [person("ann", email="Team@corp.example"), person("bob", email="team@corp.example")]
    desired = compiled(viewer(), directory(people, group("finance", "ann", "bob")))

    assert {"ann", "bob"} == desired.users.keys()
    assert ["email_shared ann, bob have one e-mail, team@corp.example; Airflow wants each e-mail once"] == notes(
        desired
    )


def test_a_protected_account_is_left_out_with_a_note_if_a_rule_would_give_it_something() -> None:
    known = directory([person("00u1", login="Ann"), BOB], group("finance", "00u1"))
    desired = compiled(viewer(), known, replace(PROD, protected=frozenset({"ANN", "bob"})))

    assert {} == desired.users
    text = 'people:Ann gets nothing, because of the user name "Ann": it is protected on this deployment'
    assert [f"user_protected {text}"] == notes(desired)


@pytest.mark.parametrize("template", ["{login}", "okta_{id}", "{id}-{email}", "{{{id}}}"])
def test_good_templates_have_no_problem(template: str) -> None:
    assert "" == template_problem(template, NAMING)


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("static", "gives everybody the same name"),
        ("{logn}", 'unknown field "logn"; did you mean "login"?'),
        ("{}", 'unknown field ""; write {id}, {login} or {email}'),
        ("{id.__class__}", 'unknown field "id.__class__"'),
        ("{id:>9}", 'unknown field "id"'),
        ("{id!r}", 'unknown field "id"'),
        ("{id", "cannot be read"),
        ("a/{id}", "Airflow cannot address"),
    ],
)
def test_bad_templates_have_a_problem_that_says_what_to_write(template: str, part: str) -> None:
    assert part in template_problem(template, NAMING)


def test_every_field_of_a_template_is_a_field_of_a_person() -> None:
    assert ["ann", "ann", "ann@corp.example"] == [username_of(ANN, f"{{{field}}}") for field in USERNAME_FIELDS]


# --- permissions of roles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("view", {"can_read on DAG Runs", "can_read on DAG:fin_daily"}),
        (
            "trigger",
            {
                "can_read on DAG Runs",
                "can_read on DAG:fin_daily",
                "can_edit on DAG:fin_daily",
                "can_create on DAG Run:fin_daily",
            },
        ),
        (
            "edit",
            {
                "can_read on DAG Runs",
                "can_read on DAG:fin_daily",
                "can_edit on DAG:fin_daily",
                "can_create on DAG Run:fin_daily",
                "can_edit on Task Instances",
            },
        ),
    ],
)
def test_a_level_includes_those_before_it(level: str, expected: set[str]) -> None:
    desired = compiled(bound(f"{{dags: [{{level: {level}, id: fin_daily}}]}}"), FINANCE)

    assert expected | {WEBSITE} == {str(p) for p in desired.roles["r"].permissions}


def test_several_entries_and_raw_permissions_add_up() -> None:
    body = "{dags: [{level: view, tag: finance}, {level: trigger, owner: platform}], permissions: [can_read on Pools]}"
    expected = permissions(
        WEBSITE,
        "can_read on DAG Runs",
        "can_read on DAG:fin_daily",
        "can_read on DAG:fin_monthly",
        "can_read on DAG:plat_cleanup",
        "can_edit on DAG:plat_cleanup",
        "can_create on DAG Run:plat_cleanup",
        "can_read on Pools",
    )
    assert expected == compiled(bound(body), FINANCE).roles["r"].permissions


def test_a_selector_that_matches_nothing_gives_its_baseline_and_a_note() -> None:
    desired = compiled(bound("{dags: [{level: view, id: 'zzz_*'}]}"), FINANCE)

    assert permissions(WEBSITE, "can_read on DAG Runs") == desired.roles["r"].permissions
    text = "m.yaml:2: no DAG here is what this entry of r asks for; it gives no DAG"
    assert [f"selector_matches_nothing {text}"] == notes(desired)


def test_a_dag_that_is_not_there_yet_is_waited_for() -> None:
    body = (
        "{dags: [{level: view, id: [later, 'fin_d*']}], permissions: [can_read on DAG:soon, can_read on DAG Run:then]}"
    )
    desired = compiled(bound(body), FINANCE)

    assert permissions(WEBSITE, "can_read on DAG Runs", "can_read on DAG:fin_daily") == desired.roles["r"].permissions
    pending = 'm.yaml:2: the DAG "{}" is not here yet; r gets its permissions once it is'
    assert [f"dag_pending {pending.format(dag)}" for dag in ("later", "soon", "then")] == notes(desired)


def test_an_entry_that_only_waits_is_not_said_to_match_nothing() -> None:
    assert ["dag_pending"] == [n.code for n in compiled(bound("{dags: [{level: view, id: later}]}"), FINANCE).notes]


def test_a_raw_permission_on_a_dag_that_is_there_is_given() -> None:
    desired = compiled(bound("{permissions: [can_delete on DAG:fin_daily, can_read on DAGs]}"), FINANCE)

    assert permissions(WEBSITE, "can_delete on DAG:fin_daily", "can_read on DAGs") == desired.roles["r"].permissions


def test_a_dag_that_is_there_and_does_not_match_is_not_waited_for() -> None:
    desired = compiled(bound("{dags: [{level: view, id: fin_daily, tag: platform}]}"), FINANCE)

    assert ["selector_matches_nothing"] == [note.code for note in desired.notes]


WITH_BASES = replace(
    DIALECT,
    built_in={
        "User": BuiltIn(permissions("can_read on Pools"), permissions("can_edit on DAGs")),
        "Op": BuiltIn(permissions("can_edit on Pools"), frozenset(), "it was not measured"),
    },
)


def with_bases(roles: str, *, dialect: Dialect = WITH_BASES) -> DesiredState:
    text = f"roles: {roles}\n" + viewer().replace("Viewer", "r")
    return compile_desired(
        parse({"m.yaml": text.encode()}, namings=[NAMING]), FINANCE, PROD, inventory=DAGS, dialect=dialect, now=NOW
    )


@pytest.mark.parametrize(
    ("roles", "given"),
    [
        ("{r: {extends: User}}", ("can_read on Pools", "can_edit on DAGs")),
        ("{r: {extends: User, without: all_dags}}", ("can_read on Pools",)),
        ("{r: {extends: a}, a: {extends: [User], without: all_dags}}", ("can_read on Pools",)),
        ("{r: {extends: [a, User]}, a: {extends: User, without: all_dags}}", ("can_read on Pools", "can_edit on DAGs")),
        (
            "{r: {extends: User, without: all_dags, dags: [{level: view, id: fin_daily}]}}",
            ("can_read on Pools", "can_read on DAG Runs", "can_read on DAG:fin_daily"),
        ),
    ],
)
def test_a_built_in_role_is_a_base_with_or_without_what_it_has_on_every_dag(roles: str, given: tuple[str, ...]) -> None:
    desired = with_bases(roles)

    assert permissions(WEBSITE, *given) == desired.roles["r"].permissions
    assert () == desired.notes


def test_a_base_that_is_not_known_for_sure_is_told_and_one_that_is_not_known_gives_nothing() -> None:
    measured_less = with_bases("{r: {extends: Op}}")
    unknown = with_bases("{r: {extends: Op}}", dialect=DIALECT)

    assert permissions(WEBSITE, "can_edit on Pools") == measured_less.roles["r"].permissions
    assert ["base_not_measured m.yaml:1: r extends Op: it was not measured"] == notes(measured_less)
    assert permissions(WEBSITE) == unknown.roles["r"].permissions
    assert ["base_not_measured m.yaml:1: r extends Op: what it holds here is not known, so it gives nothing"] == notes(
        unknown
    )


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        (
            "level: own",
            (
                *("can_read on DAG Runs", "can_edit on Task Instances", "can_read on DAG:fin_daily"),
                *("can_edit on DAG:fin_daily", "can_create on DAG Run:fin_daily", "can_delete on DAG:fin_daily"),
            ),
        ),
        (
            "level: view, also: [delete_dag]",
            ("can_read on DAG Runs", "can_read on DAG:fin_daily", "can_delete on DAG:fin_daily"),
        ),
        (
            "level: view, also: [delete_runs, delete_dag]",
            (
                *("can_read on DAG Runs", "can_read on DAG:fin_daily"),
                *("can_delete on DAG Runs", "can_delete on DAG:fin_daily"),
            ),
        ),
    ],
)
def test_an_entry_gives_what_its_level_and_also_say(entry: str, given: tuple[str, ...]) -> None:
    desired = compiled(bound(f"{{dags: [{{id: fin_daily, {entry}}}]}}"), FINANCE)

    assert permissions(WEBSITE, *given) == desired.roles["r"].permissions


def test_two_entries_on_one_dag_do_not_share_what_stands_beside_the_level() -> None:
    desired = compiled(
        bound("{dags: [{level: view, tag: finance}, {level: view, id: fin_daily, also: delete_dag}]}"), FINANCE
    )

    deletes = {p.dag for p in desired.roles["r"].permissions if p.action == "can_delete"}
    assert {"fin_daily"} == deletes


def test_what_is_no_action_on_one_dag_here_is_told_and_left_out() -> None:
    desired = compiled(bound('{dags: [{level: view, id: fin_daily, also: "can_edit on DAG Run"}]}'), FINANCE)

    assert permissions(WEBSITE, "can_read on DAG Runs", "can_read on DAG:fin_daily") == desired.roles["r"].permissions
    assert [
        'action_not_here m.yaml:2: there is no "can_edit on DAG Run" on one DAG here; this entry of r goes without it'
    ] == notes(desired)


def test_what_a_role_says_of_being_exclusive_stays_with_it() -> None:
    pools = "permissions: [can_read on Pools]"
    text = f"roles: {{r: {{exclusive: true, {pools}}}, s: {{extends: r}}, t: {{exclusive: false, {pools}}}}}\n"
    desired = compiled(text + viewer().replace("Viewer", "r, s, t"), FINANCE)

    assert {"r": True, "t": False} == desired.exclusive


def test_a_resource_is_given_under_the_name_that_the_server_has_for_it() -> None:
    text = bound("{permissions: [can_read on Datasets, can_read on Pools]}")
    dialect = replace(DIALECT, renamed={"Datasets": "Assets"})
    rules = parse({"m.yaml": text.encode()}, namings=[NAMING])
    desired = compile_desired(rules, FINANCE, PROD, inventory=DAGS, dialect=dialect, now=NOW)

    assert permissions(WEBSITE, "can_read on Assets", "can_read on Pools") == desired.roles["r"].permissions


PLACES = (Dag("there", bundle="fin", path="team/there.py"), Dag("somewhere"), Dag("other", bundle="x", path="o.py"))


@pytest.mark.parametrize(
    ("entry", "given", "said"),
    [
        ("bundle: fin", "there", "the bundle of somewhere, so this entry of r leaves it out; bundles are not for this"),
        ("path: 'team/*'", "there", "the path of somewhere, so this entry of r leaves it out"),
        ("all: true, not: {bundle: fin}", "other", "the bundle of somewhere, so this entry"),
        ("all: true, not: [{path: 'team/*', bundle: fin}]", "other", "the bundle and the path of somewhere"),
        ("id: there, bundle: fin", "there", ""),
        ("all: true, not: {id: [somewhere], bundle: fin}", "other there", "the bundle of somewhere"),
    ],
)
def test_a_dag_of_which_it_is_not_said_where_it_is_is_left_out_and_told(entry: str, given: str, said: str) -> None:
    dialect = replace(DIALECT, untold={"bundle": "bundles are not for this"})
    rules = parse({"m.yaml": bound(f"{{dags: [{{level: view, {entry}}}]}}").encode()}, namings=[NAMING])
    desired = compile_desired(rules, FINANCE, PROD, inventory=PLACES, dialect=dialect, now=NOW)

    assert given.split() == sorted(p.dag for p in desired.roles["r"].permissions if p.dag)
    assert (["dag_place_unknown"] if said else []) == [note.code for note in desired.notes]
    assert all(said in note.text for note in desired.notes)


def test_a_dag_whose_id_is_too_long_for_its_permissions_is_left_out() -> None:
    fits, too_long = Dag("x" * 242), Dag("y" * 243)
    desired = compiled(bound("{dags: [{level: view, id: '*'}]}"), FINANCE, dags=(fits, too_long))

    assert permissions(WEBSITE, "can_read on DAG Runs", f"can_read on DAG:{fits.id}") == desired.roles["r"].permissions
    assert ["dag_id_too_long"] == [note.code for note in desired.notes]
    assert too_long.id in desired.notes[0].text


def test_braces_in_a_dag_id_are_only_text() -> None:
    desired = compiled(bound("{dags: [{level: view, id: '*'}]}"), FINANCE, dags=(Dag("a{dag}{0}"),))

    assert permissions("can_read on DAG:a{dag}{0}") < desired.roles["r"].permissions


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"ids": ("*",)}, {"fin_daily", "fin_monthly", "plat_cleanup"}),
        ({"ids": ("fin_*",)}, {"fin_daily", "fin_monthly"}),
        ({"ids": ("FIN_*",)}, set()),
        ({"ids": ("fin_?aily", "plat*")}, {"fin_daily", "plat_cleanup"}),
        ({"ids": ("[fp]*_[!d]*",)}, {"fin_monthly", "plat_cleanup"}),
        ({"ids": ("fin",)}, set()),
        ({"tags": ("daily",)}, {"fin_daily", "plat_cleanup"}),
        ({"tags": ("daily", "finance")}, {"fin_daily", "fin_monthly", "plat_cleanup"}),
        ({"tags": ("daily",), "owners": ("fin-team", "platform")}, {"fin_daily", "plat_cleanup"}),
        ({"ids": ("*",), "tags": ("daily",), "owners": ("platform",)}, {"plat_cleanup"}),
        ({"owners": ("fin",)}, set()),
    ],
)
def test_a_selector_wants_all_its_kinds_and_one_of_each(selector: dict[str, Any], expected: set[str]) -> None:
    assert expected == Inventory(DAGS).matching(DagSelector(Level.VIEW, At("m", 1), **selector))


@given(st.text("ab[]!*?-", max_size=5), st.lists(st.text("ab[]!-", min_size=1, max_size=4), max_size=6))
def test_globs_agree_with_fnmatch(glob: str, ids: list[str]) -> None:
    found = Inventory(Dag(i) for i in ids).matching(DagSelector(Level.VIEW, At("m", 1), ids=(glob,)))

    assert {i for i in ids if fnmatchcase(i, glob)} == found


# --- the whole --------------------------------------------------------------------------------------------------------


def test_the_order_of_reading_changes_nothing() -> None:
    mapping = {
        "a.yaml": "roles: {r: {dags: [{level: view, id: [z, y, x]}]}}\n" + viewer("people:gone"),
        "b.yaml": viewer("people:finance") + "  - {group: people:leads, roles: [r, Viewer], deployments: all}\n",
    }
    groups = [group("finance", "ann", "bob", "x"), group("leads", "bob", "ann")]
    people = [ANN, BOB, CID]

    first, *others = (compiled(mapping, directory(p, *g)) for p in permutations(people) for g in permutations(groups))

    assert [first] * 11 == others


def test_people_in_the_same_groups_share_their_roles_and_reasons() -> None:
    desired = compiled(viewer(), directory([ANN, BOB], group("finance", "ann", "bob")))

    assert desired.because["ann"] is desired.because["bob"]
    assert desired.users["ann"].roles is desired.users["bob"].roles


STAGE = Deployment("stage", {"env": "stage", "team": "fin"}, naming=NAMING)


@pytest.mark.finding("U-B3")
@pytest.mark.parametrize(
    ("labels", "code", "said"),
    [
        (
            "{env: prd}",
            "binding_reaches_nothing",
            'this binding gives nobody anything: no deployment has the label env with "prd"; did you mean "prod"?',
        ),
        (
            "{enw: prod}",
            "binding_reaches_nothing",
            'this binding gives nobody anything: no deployment has the label "enw"; did you mean "env"?',
        ),
        (
            "{env: x}",
            "binding_reaches_nothing",
            'this binding gives nobody anything: no deployment has the label env with "x"; there are prod, stage',
        ),
        (
            "{env: prod, team: fin}",
            "binding_reaches_nothing",
            "this binding gives nobody anything: no deployment has all the labels of this binding; correct the labels",
        ),
        (
            "{env: [prod, stag]}",
            "label_reaches_nothing",
            'no deployment has the label env with "stag"; did you mean "stage"?',
        ),
        (
            "{name: [stage, production]}",
            "label_reaches_nothing",
            'no deployment has the label name with "production"; there are prod, stage',
        ),
        (
            "{env: {not: prd}}",
            "label_reaches_nothing",
            'no deployment has the label env with "prd"; did you mean "prod"?',
        ),
        (
            "{regoin: {exists: false}}",
            "label_reaches_nothing",
            'no deployment has the label "regoin"; there are env, name, team',
        ),
    ],
)
def test_labels_that_reach_nothing_are_found_with_what_to_write(labels: str, code: str, said: str) -> None:
    text = viewer(deployments=labels) + viewer().partition("\n")[2]

    [note] = idle_bindings(parse({"m.yaml": text.encode()}, namings=[NAMING]), [PROD, STAGE])

    assert (code, f"m.yaml:2: {said}") == (note.code, note.text)


def test_labels_of_which_each_reaches_something_are_no_note() -> None:
    rules = parse({"m.yaml": viewer(deployments="{env: [prod, stage]}").encode()}, namings=[NAMING])

    assert () == idle_bindings(rules, [PROD, STAGE])


HOURS = 'during: {days: [mon], hours: "08:00-18:00", zone: Europe/Berlin}'


@pytest.mark.parametrize(
    ("extra", "now", "given"),
    [
        ("from: 2026-06-02", datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC), False),
        ("from: 2026-06-02", datetime(2026, 6, 2, tzinfo=UTC), True),
        ("from: 2026-06-01T18:00:00+02:00", datetime(2026, 6, 1, 16, tzinfo=UTC), True),
        (HOURS, datetime(2026, 6, 1, 5, 59, tzinfo=UTC), False),
        (HOURS, datetime(2026, 6, 1, 6, tzinfo=UTC), True),
        (HOURS, datetime(2026, 6, 1, 16, tzinfo=UTC), False),
        (HOURS, datetime(2026, 6, 2, 8, tzinfo=UTC), False),
    ],
)
def test_a_binding_gives_in_its_hours_and_its_roles_are_there_before_and_after(
    extra: str, now: datetime, given: bool
) -> None:
    text = (
        "roles: {r: {permissions: [can_read on Pools]}}\n"
        f"bindings: [{{group: people:team, roles: [r], deployments: all, {extra}}}]"
    )

    desired = compiled(text, directory([ANN], group("team", "ann")), now=now)

    assert ({("ann", "r")} if given else set(), {"r"}, []) == (grants(desired), set(desired.roles), notes(desired))


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ("from: 2026-06-03, until: 2026-07-31", "from 2026-06-03 00:00 UTC, until 2026-08-01 00:00 UTC"),
        (HOURS, "only mon 08:00-18:00 Europe/Berlin; now outside, next at 2026-06-08 06:00 UTC"),
        (
            f"{HOURS}, until: 2026-06-05",
            "until 2026-06-06 00:00 UTC, only mon 08:00-18:00 Europe/Berlin; now outside, and not again before it ends",
        ),
    ],
)
def test_what_a_line_gives_at_another_hour_is_told_with_its_hours(extra: str, told: str) -> None:
    text = f"bindings: [{{group: people:team, roles: [Viewer], deployments: all, {extra}}}]"
    rules, known = parse({"m.yaml": text.encode()}, namings=[NAMING]), directory([ANN], group("team", "ann"))

    [(reason, when)] = given_at_other_hours(rules, known, PROD, dags=(), now=datetime(2026, 6, 2, tzinfo=UTC))["ann"][
        "Viewer"
    ]

    assert ("people:team (m.yaml:1)", told) == (str(reason), when)


def test_a_line_that_gives_nothing_at_this_hour_freezes_nothing() -> None:
    text = f"bindings: [{{group: people:gone, roles: [Viewer], deployments: all, {HOURS}}}]"

    assert {} == compiled(text, directory([ANN]), now=datetime(2026, 6, 2, tzinfo=UTC)).frozen


def test_a_rule_without_labels_chooses_every_deployment() -> None:
    assert chooses(Rule(GroupRef("s", name="g"), ("Viewer",), (), At("m", 1)), Deployment("any", naming=NAMING))
