"""The laws of timed grants, under whatever order of asking, ending, time, leaving and silence."""

from __future__ import annotations

from datetime import timedelta

from grants_world import Staff
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from memory_journal import MemoryJournal
from stages import Stage, put

from syncd.model import GrantRequest, GrantState, GrantWord, User
from syncd.targets.memory import MemoryTarget

HOUR = timedelta(hours=1)
PEOPLE = ("anna", "bob", "carol")
ROLES = ("Op", "finance", "Viewer")
LINES = frozenset({"finance", "Viewer"})
"""What the mapping gives whoever is in the group."""


class Grants(RuleBasedStateMachine):
    """A deployment on which nobody writes but syncd; time goes on, and now and then the clock is set back."""

    @initialize()
    def begin(self) -> None:
        staff = Staff({"finance": ["anna"]}, everybody=list(PEOPLE))
        self.stage = Stage(MemoryJournal(), staff, {"prod": MemoryTarget("prod")})
        self.staff = staff
        self.gone_for_good: set[int] = set()

    @property
    def grants(self) -> dict[int, GrantState]:
        return {id_: grant.state(self.stage.now) for id_, grant in self.stage.store.grants.all.items()}

    @rule(name=st.sampled_from(PEOPLE), role=st.sampled_from(ROLES), hours=st.integers(1, 4), waits=st.booleans())
    def ask(self, name: str, role: str, hours: int, waits: bool) -> None:
        asked = GrantWord("root", "host", self.stage.now)
        expires = self.stage.now + HOUR if waits else None
        self.stage.store.grants.ask(
            GrantRequest("prod", role, ("people", name), name, HOUR * hours, "x", asked, "", expires)
        )

    @precondition(lambda self: self.stage.store.grants.all)
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.stage.store.grants.all)))
        before = self.grants[id_]
        given = self.stage.store.grants.give(id_, GrantWord("eve", "host", self.stage.now))
        assert (given is not None) is (before is GrantState.WAITING)

    @precondition(lambda self: self.stage.store.grants.all)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.stage.store.grants.all)))
        self.stage.store.grants.end(id_, GrantWord("eve", "host", self.stage.now), "done")

    @rule(minutes=st.sampled_from((1, 30, 60, 180)))
    def time_goes_on(self, minutes: int) -> None:
        self.stage.now += timedelta(minutes=minutes)

    @rule()
    def the_clock_is_set_back(self) -> None:
        self.stage.now -= HOUR

    @rule(name=st.sampled_from(PEOPLE))
    def somebody_is_locked_out_or_back(self, name: str) -> None:
        self.staff.inactive ^= {name}

    @rule(name=st.sampled_from(PEOPLE))
    def somebody_is_deleted_or_there_again(self, name: str) -> None:
        there = set(self.staff.everybody) ^ {name}
        self.staff.everybody = sorted(there)
        self.staff.members = {"finance": ["anna"] if "anna" in there else []}

    @rule(whole=st.booleans(), down=st.booleans())
    def the_source_is(self, whole: bool, down: bool) -> None:
        self.staff.whole, self.staff.down = whole, "silent" if down else None

    @rule()
    def a_pass_is_made(self) -> None:
        before = {id_ for id_, state in self.grants.items() if state is GrantState.OVER}
        self.gone_for_good |= before
        assert 0 == self.stage.apply().exit_code() or self.staff.down or not self.staff.whole
        can_tell = self.staff.whole and not self.staff.down
        active = set(self.staff.everybody) - self.staff.inactive
        all_ = self.stage.store.grants.all
        if can_tell:
            self.gone_for_good |= {id_ for id_, grant in all_.items() if grant.request.who[1] not in active}
        for id_ in self.gone_for_good:
            assert self.grants[id_] is GrantState.OVER, "what is over is over, whatever comes back"
        for name in PEOPLE:
            holds = self.stage.prod.users[name].roles if name in self.stage.prod.users else frozenset[str]()
            given = self._given(name)
            by_lines = LINES if name == "anna" else frozenset[str]()
            assert holds <= by_lines | given, "nobody holds by a grant after its end and one pass"
            if can_tell:
                assert (given if name in active else frozenset()) <= holds, "what is given is there after one pass"
                assert name in active or not holds, "nothing outlives that somebody leaves"

    def _given(self, name: str) -> frozenset[str]:
        """Name the roles that grants in force give somebody."""
        all_ = self.stage.store.grants.all.values()
        active = (grant for grant in all_ if grant.state(self.stage.now) is GrantState.ACTIVE)
        return frozenset(grant.request.role for grant in active if grant.request.who[1] == name)


TestGrants = Grants.TestCase
TestGrants.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_the_machine_can_see_a_fault() -> None:
    """Give somebody a role by another hand: the law that nobody holds more than was given has to notice."""
    machine = Grants()
    machine.begin()
    machine.a_pass_is_made()
    put(machine.stage.prod, User("bob", "bob@example.com", "bob", "Test", frozenset({"Op"})))
    try:
        machine.a_pass_is_made()
    except AssertionError:
        return
    raise AssertionError("it did not notice")
