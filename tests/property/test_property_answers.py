"""Laws of answers on random worlds: `who`, `explain`, `diff`, `--why-not` and the plan agree with one another."""

from __future__ import annotations

from itertools import combinations

from hypothesis import assume, given
from hypothesis import strategies as st
from mapping_world import DAGS, DIALECT, NOW, PROD, directory, group, permissions, person

from syncd.access.compare import compare, concerns, owned_after
from syncd.access.edits import Bind, Define, Ground
from syncd.access.known import KnownDeployment, Noted
from syncd.access.standing import compiled, stand, standing
from syncd.access.ways import Hand, Way, ways
from syncd.access.why_not import Goal, Wish, is_given, why_not
from syncd.directory.narrow import DirectoryView
from syncd.mapping.expanded import expanded
from syncd.mapping.parse import parse
from syncd.model import EVERYTHING, Directory, LastSeen, Learned, Level, Owned, Role, Rules, User, key
from syncd.plan.effect import after
from syncd.targets.airflow.naming import NAMING

NAMES = ("ann", "bob", "cid", "dan")
GROUPS = ("g0", "g1", "g2")
ROLES = {
    "reader": "{dags: [{level: view, tag: finance}]}",
    "runner": "{dags: [{level: trigger, id: fin_daily}]}",
    "maker": '{dags: [{level: edit, id: "fin_*"}]}',
    "plain": "{permissions: [can_read on Pools]}",
}
THERE = {
    "reader": Role("reader", permissions("can_read on DAG:fin_daily", "can_read on DAG Runs", "can_read on Website")),
    "Admin": Role("Admin", permissions("can_read on Pools")),
    "Viewer": Role("Viewer", permissions("can_read on DAG Runs")),
    "hers": Role("hers", permissions("can_read on DAG:fin_daily", "can_read on DAG Runs")),
}


TEMPLATES = {
    '"{n}-via"': "{extends: reader, dags: [{level: trigger, tag: finance}]}",
    '"{tag}-each"': '{dags: [{level: edit, tag: "{tag}"}]}',
}
PATTERNS = (
    '{group: "people:g{n}", unless: [g2], roles: ["{n}-via"], deployments: all}',
    '{group: people:g1, each: tag, roles: ["{tag}-each"], deployments: all}',
)


def mapping(bindings: list[tuple[str, str]], patterns: frozenset[str] = frozenset()) -> Rules:
    text = "roles:\n" + "".join(f"  {name}: {body}\n" for name, body in {**ROLES, **TEMPLATES}.items())
    lines = "".join(f"  - {{group: people:{of}, roles: [{role}], deployments: all}}\n" for of, role in bindings)
    lines += "".join(f"  - {line}\n" for line in sorted(patterns))
    return parse({"m.yaml": f"{text}bindings:{' []' if not lines else ''}\n{lines}".encode()}, namings=[NAMING])


rules = st.builds(
    mapping,
    st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from([*ROLES, "Viewer"])), max_size=5, unique=True),
    st.frozensets(st.sampled_from(PATTERNS)),
)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    members = {name: draw(st.sets(st.sampled_from(NAMES))) for name in GROUPS}
    whole = draw(st.sampled_from([True, True, True, False]))
    groups = [group(name, *sorted(of), complete=whole or name != "g0") for name, of in members.items()]
    return directory([person(name) for name in NAMES], *groups)


@st.composite
def deployments(draw: st.DrawFn) -> KnownDeployment:
    held = {
        name: draw(st.sets(st.sampled_from(sorted(THERE)))) for name in draw(st.sets(st.sampled_from([*NAMES, "eve"])))
    }
    users = {name: User(name, f"{name}@corp.example", "G", "F", frozenset(roles)) for name, roles in held.items()}
    ours = {name: frozenset(r for r in roles if draw(st.booleans())) for name, roles in sorted(held.items())}
    owned = Owned(
        frozenset(), frozenset({"reader"} if draw(st.booleans()) else ()), {n: r for n, r in ours.items() if r}
    )
    seen = LastSeen("prod", Learned("{}"), users, THERE, DAGS, NOW, NOW, NOW, "syncd")
    return KnownDeployment(PROD, True, Noted(seen, owned), DIALECT)


def told(found: list[Way]) -> set[tuple[str, str, Hand, Level | None]]:
    return {(key(w.account.username), w.role, w.hand, w.level) for w in found if w.account is not None}


@given(rules, directories(), deployments())
def test_who_says_of_roles_what_the_plan_does(said: Rules, people: Directory, known: KnownDeployment) -> None:
    this = stand(said, DirectoryView(people), known, now=NOW)
    assert this.plan is not None
    found = told(list(ways(this)))
    changes = [change for change in this.plan.changes if change.subject == "user"]

    assert {(key(c.name), r) for c in changes for r in c.granted} == {w[:2] for w in found if w[2] is Hand.COMING}
    assert {(key(c.name), r) for c in changes for r in c.revoked} == {w[:2] for w in found if w[2] is Hand.GOING}
    assert {(key(k.username), k.role) for k in this.plan.kept} == {w[:2] for w in found if w[2] is Hand.KEPT}
    held = {(name, role) for name, user in this.observed.users.items() for role in user.roles}
    assert held == {w[:2] for w in found if w[2] is not Hand.COMING}


@given(rules, directories(), deployments(), st.sampled_from([None, *Level]))
def test_who_and_explain_say_the_same_of_a_person(
    said: Rules, people: Directory, known: KnownDeployment, level: Level | None
) -> None:
    view = DirectoryView(people)
    whole = told(list(ways(stand(said, view, known, now=NOW), dag="fin_daily", level=level)))
    for name in (*NAMES, "eve"):
        who = [("people", name)] if name in NAMES else []
        mine = stand(said, view, known, now=NOW, about=who, named=[name])
        found = told(list(ways(mine, dag="fin_daily", level=level, among=mine.accounts)))
        assert {way for way in whole if way[0] == name} == found


@given(rules, rules, directories(), deployments())
def test_diff_is_the_way_from_where_the_old_files_lead_to_where_the_new_ones_do(
    old: Rules, new: Rules, people: Directory, known: KnownDeployment
) -> None:
    view = DirectoryView(people)
    compared = compare(old, new, view, known, now=NOW)
    assert compared is not None
    was = stand(old, view, known, now=NOW)
    assert was.plan is not None
    there, mine = after(was.observed, was.plan.changes), owned_after(was)
    then = standing(compiled(new, people, known, now=NOW), known, scope=EVERYTHING, after=there, owned=mine)
    assert then.plan is not None
    assert compared.plan.changes == then.plan.changes, "a deployment that is left out is one where nothing changes"
    if not concerns(old, new, view.directory, known, now=NOW):
        assert not compared.plan
    end = after(there, then.plan.changes)
    again = standing(compiled(new, people, known, now=NOW), known, scope=EVERYTHING, after=end, owned=owned_after(then))
    assert again.plan is not None
    assert () == again.plan.changes


@given(rules, directories(), deployments(), st.sampled_from(NAMES), st.sampled_from(["maker", "Viewer", "", ""]))
def test_what_would_give_it_gives_it_and_nothing_smaller_does(
    said: Rules, people: Directory, known: KnownDeployment, name: str, role: str
) -> None:
    goal = Goal(role) if role else Goal(dag="fin_daily", level=Level.EDIT)
    meant = expanded(said, people, PROD, dags=DAGS).rules
    wish, basis = Wish((("people", name),), goal, known, NOW), Ground(meant, people)
    assume(not is_given(wish, basis))

    found = why_not(wish, basis)

    assert found or not any(name in m.group.members for m in people.groups.values())
    for edits in found:
        assert is_given(wish, basis.after(edits))
        smaller = (some for n in range(len(edits)) for some in combinations(edits, n))
        assert not any(is_given(wish, basis.after(some)) for some in smaller)
        assert _as_written(wish, basis, edits)


def _as_written(wish: Wish, basis: Ground, edits: tuple[object, ...]) -> bool:
    """Say whether it is given as well once the lines were added to a file as they are shown."""
    made = [edit for edit in edits if isinstance(edit, Define)]
    bound = [edit for edit in edits if isinstance(edit, Bind)]
    known = "".join(f"  {n}: {body}\n" for n, body in ROLES.items())
    text = f"roles:\n{known}" + "".join(f"  {edit.text}\n" for edit in made)
    text += f"bindings:{'' if bound else ' []'}\n" + "".join(f"  {edit.text}\n" for edit in bound)
    added = parse({"new.yaml": text.encode()}, namings=[NAMING])
    rest = [edit for edit in edits if not isinstance(edit, Bind | Define)]
    both = Rules({**basis.rules.roles, **added.roles}, (*basis.rules.bindings, *added.bindings))
    return is_given(wish, Ground(both, basis.directory).after(rest))  # type: ignore[arg-type]
