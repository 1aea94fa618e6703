"""The numbered story: one site, people who come, move and leave, damage by hand, and DAGs that come late or take back.

Whatever the server's role API can do, each chapter ends in exactly the wanted access, seen with the hands of an
administrator and by acting as the people themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from site_fleet import Fleet
from sites import Hands, Site, sample

from syncd.targets.airflow.naming import permission

BULK = [f"bulk_{n:03}" for n in range(100)]


@dataclass
class Story:
    """One site and its fleet. `tag` keeps the names of this story apart from others on the same server."""

    fleet: Fleet
    site: Site
    tag: str
    roles: dict[str, list[str]] = field(default_factory=dict)
    bindings: list[str] = field(default_factory=list)

    @property
    def hands(self) -> Hands:
        return Hands(self.site)

    def name(self, word: str) -> str:
        return f"{word}-{self.tag}"

    def login(self, word: str) -> str:
        return f"{word}{self.tag}"

    def write(self) -> None:
        roles = ["roles:"]
        for role, dags in self.roles.items():
            roles += [f"  {self.name(role)}:", *(f"    {line}" for line in dags)]
        self.fleet.write(mapping="\n".join([*roles, "bindings:", *self.bindings]) + "\n")

    def bind(self, group: str, *roles: str) -> None:
        names = ", ".join(self.name(r) if r in self.roles else r for r in roles)
        self.bindings.append(f"  - {{group: 'people:{group}', roles: [{names}], deployments: {{env: test}}}}")


def the_story(story: Story) -> None:
    once_upon_a_time(story)
    for chapter in CHAPTERS:
        chapter(story)


def once_upon_a_time(story: Story) -> None:
    story.roles = {
        "finance": ["dags:", "  - {level: view, tag: finance}", "  - {level: trigger, id: fin_daily}"],
        "platform": ["dags: [{level: edit, owner: platform}]"],
        "bulk": [
            "dags: [{level: trigger, tag: bulk}]",
            f"permissions: [{', '.join(f'can_delete on DAG:{dag}' for dag in BULK[:5])}]",
        ],
    }
    story.bind("finance", "finance")
    story.bind("platform", "platform", "Viewer")
    story.bind("bulk", "bulk")
    story.fleet.groups = {"finance": [], "platform": [], "bulk": []}
    story.fleet.add_person(story.login("anna"), "finance")
    story.fleet.add_person(story.login("björn"), "platform")
    story.fleet.add_person(story.login("dora"), "bulk")
    story.write()


def account(story: Story, word: str) -> str:
    return f"okta_00u{story.login(word)}"


FINANCE = {
    "can_read on DAG:fin_daily",
    "can_edit on DAG:fin_daily",
    "can_create on DAG Run:fin_daily",
    "can_read on DAG:fin_monthly",
}


def finance(story: Story) -> set[str]:
    """What a member of finance may do on single DAGs; without `DAG Run:x` the right to run is a global one."""
    return {p for p in FINANCE if story.site.dag_run_resources or " on DAG Run:" not in p}


def chapter_1_check_fails_apply_check_passes_run_again_changes_nothing(story: Story) -> None:
    story.fleet.check(expect=2)
    assert story.hands.user(account(story, "anna")) is None, "a plan writes nothing"
    story.fleet.apply()
    story.fleet.check(expect=0)
    again = story.fleet.run("apply")
    assert 0 == again.code
    anna = story.hands.user(account(story, "anna"))
    assert anna is not None, "single sign-on finds the account by this name"
    assert ("Müller-Ångström", f"{story.login('anna')}@example.com") == (anna["last_name"], anna["email"])
    assert finance(story) == story.hands.dag_access(account(story, "anna"))
    assert "Viewer" in story.hands.roles_of(account(story, "björn"))


def chapter_2_people_can_do_what_the_levels_say_and_nothing_else(story: Story) -> None:
    anna = story.hands.act_as(account(story, "anna"))
    assert {"fin_daily", "fin_monthly"} == anna.listed()
    assert (200, 200, 403) == (anna.runs("fin_daily"), anna.runs("fin_monthly"), anna.see("plat_cleanup"))
    assert (200, 403, 403) == (
        anna.trigger("fin_daily", f"run-{story.tag}"),
        anna.trigger("fin_monthly"),
        anna.trigger("plat_cleanup"),
    )
    assert (200, 403) == (anna.pause("fin_daily"), anna.pause("fin_monthly"))
    assert (403, 403) == (anna.clear("fin_daily"), anna.mark("fin_daily", f"run-{story.tag}"))


def chapter_3_damage_by_hand_is_healed(story: Story) -> None:
    hands, anna = story.hands, account(story, "anna")
    hands.set_roles(anna, [])
    story.site.grant_by_hand(current(story, "finance"), permission("can_delete", "DAG:plat_cleanup"))
    story.fleet.check(expect=2)
    story.fleet.apply()
    story.fleet.check(expect=0)
    assert finance(story) == hands.dag_access(anna)


def current(story: Story, role: str) -> str:
    """Find the role under the name that it has on the server just now."""
    name = story.name(role)
    people = {n for n in story.hands.role_names() if n == name or n.startswith(f"{name}~")}
    held = {n for user in ("anna", "bob", "dora", "björn") for n in held_by(story, user)}
    found = people & held or people
    assert 1 == len(found), found
    return found.pop()


def held_by(story: Story, word: str) -> set[str]:
    user = story.hands.user(account(story, word))
    return {role["name"] for role in user["roles"]} if user else set()


def chapter_4_joiner_mover_leaver(story: Story) -> None:
    fleet, hands = story.fleet, story.hands
    manual = "Op"
    hands.set_roles(account(story, "anna"), {*hands.roles_of(account(story, "anna")), manual})
    fleet.add_person(story.login("bob"), "finance")
    fleet.move(story.login("björn"), "bulk")
    fleet.remove_person(story.login("anna"))
    fleet.write_people()
    fleet.apply()
    fleet.check(expect=0)
    assert finance(story) == hands.dag_access(account(story, "bob"))
    assert held_by(story, "dora") == held_by(story, "björn"), "he moved, and lost Viewer"
    assert {manual} == hands.roles_of(account(story, "anna")), "what a person gave is a person's to take"


def chapter_5_a_role_loses_five_of_three_hundred_permissions(story: Story) -> None:
    dora = account(story, "dora")
    before = story.hands.dag_access(dora)
    assert 5 == len([p for p in before if p.startswith("can_delete")])
    story.roles["bulk"] = story.roles["bulk"][:1]
    story.write()
    story.fleet.check(expect=2)
    story.fleet.apply()
    story.fleet.check(expect=0)
    after = story.hands.dag_access(dora)
    assert {f"can_delete on DAG:{dag}" for dag in BULK[:5]} == before - after
    assert set() == after - before
    per_dag = 3 if finance(story) == FINANCE else 2
    assert per_dag * len(BULK) == len(after)
    assert held_by(story, "dora") == held_by(story, "björn")


def chapter_6_a_dag_appears_later(story: Story) -> None:
    later = f"later_{story.tag}"
    story.roles["finance"].append(f"  - {{level: view, id: {later}}}")
    story.write()
    waiting = story.fleet.run("plan")
    assert 0 == waiting.code
    assert later in waiting.out, "a plan says what it waits for"
    story.fleet.apply()
    assert finance(story) == story.hands.dag_access(account(story, "bob"))
    story.site.parse(sample(later, tags=["late"]))
    story.fleet.apply()
    story.fleet.check(expect=0)
    assert finance(story) | {f"can_read on DAG:{later}"} == story.hands.dag_access(account(story, "bob"))
    del story.roles["finance"][-1]
    story.write()
    story.fleet.apply()
    assert finance(story) == story.hands.dag_access(account(story, "bob"))


def chapter_7_a_role_is_deleted_by_hand(story: Story) -> None:
    story.site.delete_role_by_hand(current(story, "finance"))
    story.fleet.check(expect=2)
    story.fleet.apply()
    story.fleet.check(expect=0)
    assert finance(story) == story.hands.dag_access(account(story, "bob"))


def chapter_8_a_dag_that_takes_back_is_reported_and_not_fought(story: Story) -> None:
    own = f"own_{story.tag}"  # with a tag of its own: other tests on this server list the DAGs of `finance`
    story.roles["finance"].append(f"  - {{level: view, tag: {own}}}")
    story.write()
    story.site.parse(sample(own, tags=[own], access_control={}))
    story.fleet.apply()
    wanted = finance(story) | {f"can_read on DAG:{own}"}
    assert wanted == story.hands.dag_access(account(story, "bob"))
    for attempt in ("changed once", "changed twice"):
        story.site.parse(sample(own, tags=[own, attempt], access_control={}))
        assert finance(story) == story.hands.dag_access(account(story, "bob")), "the code has the last word"
        told = story.fleet.apply()
    assert own in told.out
    assert "access_control" in told.out
    assert finance(story) == story.hands.dag_access(account(story, "bob")), "given up, not given again"
    story.fleet.check(expect=0)


def the_end(story: Story) -> None:
    """Everybody leaves, and the mapping with them: nothing of ours stays but what the server cannot delete."""
    story.fleet.groups = {name: [] for name in story.fleet.groups}
    story.roles, story.bindings = {"nothing": ["dags: [{level: view, id: fin_daily}]"]}, []
    story.bind("finance", "Viewer")
    story.write()
    held = story.fleet.apply(expect=4)  # the code of a DAG took permissions of this role back, so it may name the role
    assert "access_control" in held.out
    [digest] = re.findall(r"approve \S+ ([0-9a-f]{12})", held.out)
    story.fleet.apply("--approve", digest)
    story.fleet.check(expect=0)
    for word in ("bob", "dora", "björn"):
        assert set() == story.hands.roles_of(account(story, word))
    left = {name for name in story.hands.role_names() if story.tag in name}
    assert (set() if story.site.deletes_roles else left) == left
    listed = story.fleet.run("status", "-o", "json").out
    assert all(name in listed for name in left), "what cannot be deleted is reported"


CHAPTERS: Sequence[Callable[[Story], None]] = (
    chapter_1_check_fails_apply_check_passes_run_again_changes_nothing,
    chapter_2_people_can_do_what_the_levels_say_and_nothing_else,
    chapter_3_damage_by_hand_is_healed,
    chapter_4_joiner_mover_leaver,
    chapter_5_a_role_loses_five_of_three_hundred_permissions,
    chapter_6_a_dag_appears_later,
    chapter_7_a_role_is_deleted_by_hand,
    chapter_8_a_dag_that_takes_back_is_reported_and_not_fought,
    the_end,
)
