"""What an order means to the daemon, who is asked for it, and what came of it, on stand-ins of the parts around it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from desks import Desk
from mapping_world import NOW
from memory_journal import MemoryInbox
from waiting import until

from syncd.control import DeploymentResult, Job, JobState, NotKnown, NotNow, Order
from syncd.daemon.common import Common, Shared
from syncd.daemon.directory_cache import DirectoryCache
from syncd.daemon.jobs import Jobs
from syncd.daemon.orders import Orders
from syncd.daemon.runtime import Runtime
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.daemon.work_queue import WorkQueue
from syncd.errors import SourceUnavailable, StoreError
from syncd.model import EVERYTHING, Deployment, Owned, Pause, Paused, Scope
from syncd.orders import NotMeant
from syncd.plan.approval import APPLY, Apply, PlanOnly
from syncd.plan.limits import Limits
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, NotTaken
from syncd.targets.airflow.naming import NAMING

DEPLOYMENTS = tuple(Deployment(name, login_source="okta", naming=NAMING) for name in ("prod", "test"))
EXPIRES = timedelta(hours=24)


@dataclass(frozen=True)
class Kept:
    digest: str = "abc"
    number: int = 3
    made_at: Any = NOW


@dataclass
class Office:
    """Where orders are taken: two deployments, two sources that were read, and what is held on prod."""

    desk: Desk = field(default_factory=Desk)
    is_stopping: bool = False
    polled: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)
    """What a source answers, by name."""
    made: frozenset[str] = frozenset()
    """Accounts that syncd made on prod."""
    database: StoreError | None = None
    """What the database answers to who asks what is owned."""
    hold: Kept | None = field(default_factory=Kept)
    pauses: tuple[Pause, ...] = ()
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    queue: WorkQueue = field(default_factory=lambda: WorkQueue(1))
    jobs: Jobs = field(default_factory=lambda: Jobs(lambda: NOW))
    inbox: Any = field(default_factory=MemoryInbox)

    def __post_init__(self) -> None:
        for source in (self.desk.okta, self.desk.people):
            self.desk.poll(source)
        targets = {d.name: SimpleNamespace(deployment=d, address="", limits=Limits()) for d in DEPLOYMENTS}
        journal = SimpleNamespace(
            readings=SimpleNamespace(last_snapshot=lambda _: None),
            places=SimpleNamespace(place=lambda name, _: SimpleNamespace(facts=name)),
            holdings=SimpleNamespace(owned=self._owned),
        )
        world = SimpleNamespace(
            targets=list(targets.values()), sources=[self.desk.okta, self.desk.people], journal=journal
        )
        settings = SimpleNamespace(daemon=SimpleNamespace(hold_expires=EXPIRES))
        fleet: Any = SimpleNamespace(now=SimpleNamespace(world=world, targets=targets, settings=settings))
        ledger = SimpleNamespace(hold=lambda name, *_, scope: self._held(name, scope))
        pauses = SimpleNamespace(standing=lambda: self.pauses)
        store: Any = SimpleNamespace(ledger=ledger, inbox=self.inbox, pauses=pauses)
        runtime = Runtime(self._emit, lambda: NOW, lambda: 0.0, lambda: self.is_stopping)
        polls: Any = SimpleNamespace(poll=self._poll)
        nothing: Any = None
        shared = Shared(fleet, self.desk.cache, self.queue, nothing, store)
        self.orders = Orders(shared, self.jobs, polls, Common(nothing, nothing, runtime))

    def _owned(self, name: str, *, usernames: frozenset[str]) -> Owned:
        if self.database:
            raise self.database
        return Owned(users=usernames & self.made) if name == "prod" else Owned()

    def _held(self, name: str, scope: Scope) -> Kept | None:
        return self.hold if (name, scope) == ("prod", EVERYTHING) else None

    def _emit(self, event: str, /, **facts: object) -> None:
        self.events.append((event, facts))

    def _poll(self, name: str, *, now: bool) -> None:
        assert now, "whoever ordered it waits"
        self.polled.append(name)
        if name in self.fails:
            raise self.fails[name]

    def queued(self) -> dict[str, WorkItem]:
        """Give what waits, by deployment."""
        return {d.name: item for d in DEPLOYMENTS for item in self.queue.look(d.name).waiting}

    def takes(self, order: Order) -> dict[str, WorkItem]:
        """Take an order; give what is queued for it once all of it is."""
        job = self.orders.reconcile(order)

        def is_carried_out() -> bool:
            answered = {result.deployment for result in self.jobs.get(job.id).results}
            return set(job.deployments) == self.queued().keys() | answered

        until("the order is carried out", is_carried_out)
        return self.queued()

    def told(self, name: str) -> list[dict[str, object]]:
        return [facts for event, facts in self.events if event == name]


ANN, CID = frozenset({"ann@okta"}), frozenset({"cid"})


@pytest.mark.parametrize(
    ("order", "scope", "asked"),
    [
        (Order(), EVERYTHING, {"okta", "people"}),
        (Order(users=frozenset({"Ann@okta"})), Scope.people(ANN), {"okta", "people"}),
        (
            Order(users=frozenset({"ann@corp.example"})),
            Scope.people({"ann@okta", "ann@corp.example"}),
            {"okta", "people"},
        ),
        (Order(users=frozenset({"nobody"})), Scope.people({"nobody"}), {"okta", "people"}),
        (Order(groups=frozenset({"okta:team"})), Scope.people({"ann@okta", "bob@okta"}), {"okta"}),
        (Order(groups=frozenset({"okta:okta-1"})), Scope.people({"ann@okta", "bob@okta"}), {"okta"}),
        (Order(frozenset({"ann@okta", "zoe"}), frozenset({"okta:team"})), Scope.people(ANN), {"okta", "people"}),
        (Order(dags=frozenset({"a"})), Scope.of_dags({"a"}), set()),
        (Order(users=ANN, dags=frozenset({"a"})), Scope(ANN, frozenset({"a"})), {"okta", "people"}),
    ],
    ids=["all", "a person", "by e-mail", "unknown", "a group", "by id", "both", "DAGs", "DAGs of a person"],
)
def test_whom_an_order_is_about_and_which_sources_are_asked_first(order: Order, scope: Scope, asked: set[str]) -> None:
    office = Office()
    found = office.takes(replace(order, by="eve"))
    expected = WorkItem(scope, "reconcile", Urgency.ORDER, mode=APPLY, job=1)
    assert {"prod": expected, "test": expected} == found
    assert asked == set(office.polled)
    assert [{"job": 1, "by": "eve", "deployments": 2, "dry_run": False}] == office.told("order_taken")


@pytest.mark.finding("U-B8")
@pytest.mark.parametrize(
    ("users", "office", "strangers"),
    [
        ({"ann@okta", "Ann@Corp.example"}, Office(), []),
        ({"zoe", "ann@okta"}, Office(), ["zoe"]),
        ({"zoe"}, Office(made=frozenset({"zoe"})), []),
        ({"zoe"}, Office(database=StoreError("away")), []),
    ],
    ids=["known", "unknown", "left, with an account of ours", "the database is away"],
)
def test_names_that_nobody_has_are_told_and_the_order_is_carried_out(
    users: set[str], office: Office, strangers: list[str]
) -> None:
    assert 2 == len(office.takes(Order(users=frozenset(users))))

    job = office.jobs.get(1)
    told = [
        f'no source knows "{name}", and syncd gave nothing to an account of that name; nothing was done'
        for name in strangers
    ]
    assert (tuple(told), 3 if strangers else 0) == (job.strangers, job.exit_code)


def test_an_order_is_for_the_deployments_that_it_names_and_a_dry_run_only_plans() -> None:
    found = Office().takes(Order(deployments=frozenset({"test"}), dry_run=True))
    assert {"test": PlanOnly()} == {name: item.mode for name, item in found.items()}


def test_who_just_left_a_group_is_still_meant_by_it() -> None:
    office = Office()
    office.desk.okta.members.discard("ann")
    office.desk.okta.down = True
    office.desk.poll(office.desk.okta)
    assert Scope.people({"ann@okta", "bob@okta"}) == office.takes(Order(groups=frozenset({"okta:team"})))["prod"].scope


@pytest.mark.parametrize(
    ("order", "error", "said"),
    [
        (Order(deployments=frozenset({"prd"})), NotKnown, 'no deployment "prd"; did you mean "prod"?'),
        (Order(deployments=frozenset({"elsewhere"})), NotKnown, 'no deployment "elsewhere"; there are prod, test'),
        (
            Order(groups=frozenset({"okta:crew"})),
            NotKnown,
            'no group "okta:crew": write SOURCE:NAME or SOURCE:ID, of a group that is read',
        ),
        (Order(users=frozenset({"corp/eve"})), NotMeant, "users: "),
    ],
    ids=["mistyped", "unknown", "a group", "a person"],
)
def test_an_order_with_a_name_that_means_nothing_is_refused_and_asks_nobody(
    order: Order, error: type[Exception], said: str
) -> None:
    office = Office()
    with pytest.raises(error) as caught:
        office.orders.reconcile(order)
    assert str(caught.value).startswith(said)
    assert ([], {}, []) == (office.polled, office.queued(), office.events)


@pytest.mark.parametrize("approves", [False, True])
def test_nothing_is_taken_while_syncd_stops_or_knows_nobody(approves: bool) -> None:
    def asks(office: Office) -> None:
        if approves:
            office.orders.approve("prod", "abc", by="eve")
        else:
            office.orders.reconcile(Order())

    stopping = Office(is_stopping=True)
    with pytest.raises(NotNow, match="syncd is stopping; ask again when it runs"):
        asks(stopping)
    empty = Office()
    empty.orders._cache = DirectoryCache(["okta"])
    with pytest.raises(NotNow, match="no source was read yet since syncd was set up"):
        asks(empty)
    assert {} == stopping.queued() | empty.queued()


def test_a_source_that_does_not_answer_keeps_no_order_from_being_carried_out() -> None:
    office = Office(fails={"okta": SourceUnavailable("it is down")})
    assert {"prod", "test"} == office.takes(Order()).keys()
    assert [{"source": "okta", "error": "it is down"}] == office.told("poll_failed")


def test_what_nobody_thought_of_ends_the_order_with_a_sentence_for_each_deployment() -> None:
    office = Office()
    office.orders._sources = SimpleNamespace(asked=_breaks)  # type: ignore[assignment]
    assert {} == office.takes(Order())
    said = "unexpected KeyError: 'x'; see the log"
    job = office.jobs.get(1)
    assert [DeploymentResult(name, 1, said) for name in ("prod", "test")] == list(job.results)
    assert JobState.DONE == job.state
    assert ["KeyError('x')"] == [facts["error"] for facts in office.told("order_failed")]


def _breaks(*_: object, **__: object) -> None:
    raise KeyError("x")


def test_a_deployment_whose_people_cannot_be_found_is_told_and_the_others_go_on() -> None:
    office = Office()
    names = office.desk.cache.names

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(office.desk.cache, name)

        def names(self, who: Any, deployment: Deployment) -> frozenset[str]:
            if deployment.name == "prod" and office.polled:
                raise StoreError("away")
            return names(who, deployment)

    office.orders._cache = Away()  # type: ignore[assignment]
    found = office.takes(Order(users=ANN))
    assert {"test"} == found.keys()
    assert [DeploymentResult("prod", 1, "away")] == list(office.jobs.get(1).results)


# --- approvals ----------------------------------------------------------------------------------------------------------


def test_an_approval_of_what_is_held_queues_a_pass_over_everything_that_lets_just_that_pass() -> None:
    office = Office()
    job = office.orders.approve("prod", "abc", by="eve")
    assert isinstance(job, Job)
    assert (("prod",), "eve", frozenset({"prod"})) == (job.deployments, job.order.by, job.order.deployments)
    assert {
        "prod": WorkItem(EVERYTHING, "approve", Urgency.ORDER, mode=Apply(frozenset({"abc"})), job=job.id)
    } == office.queued()
    assert [{"job": job.id, "by": "eve", "deployment": "prod", "digest": "abc"}] == office.told("approval_taken")


@dataclass
class OneHold(MemoryInbox):
    """An inbox with h1 on prod."""

    state: HoldState = HoldState.WAITS
    then: HoldState = HoldState.APPROVED
    said: list[HoldWord] = field(default_factory=list)
    scope: Scope = EVERYTHING

    def find(self, name: str) -> HoldRecord | None:  # type: ignore[override]
        here = HoldRecord(1, "prod", "abc", self.state, NOW, NOW, 7, ("why",), 3, superseded_by=2, scope=self.scope)
        return here if name in ("h1", "abc") else None

    def say(  # type: ignore[override]
        self, name: str, word: HoldWord, *, needs: int, expires: timedelta
    ) -> HoldRecord | NotTaken:
        assert (1, EXPIRES) == (needs, expires)
        if word.who == "eve":
            return NotTaken("eve said so already")
        self.said.append(word)
        self.state = self.then
        return self.find(name) or NotTaken("")


def test_a_hold_is_approved_by_its_name_by_whom_and_on_which_road() -> None:
    office = Office(inbox=OneHold(), hold=None)
    job = office.orders.rule("h1", HoldRuling.APPROVE, by="anna", approver="bob", reason="r", origin="control socket")
    assert isinstance(job, Job)
    assert {"prod": Apply(frozenset({"abc"}))} == {name: item.mode for name, item in office.queued().items()}
    [word] = office.inbox.said
    assert ("bob (via anna)", {"anna", "bob"}, "r", "control socket") == (
        word.who,
        word.people,
        word.reason,
        word.origin,
    )


def test_what_is_held_of_some_people_is_planned_anew_of_these_alone() -> None:
    some = Scope.people(["ann"])
    office = Office(inbox=OneHold(scope=some), hold=None)
    office.orders.rule("h1", HoldRuling.APPROVE, by="anna", origin="control socket")
    assert {"prod": some} == {name: item.scope for name, item in office.queued().items()}


def test_an_approval_that_waits_for_another_person_queues_nothing() -> None:
    office = Office(inbox=OneHold(then=HoldState.WAITS))
    found = office.orders.approve("prod", "abc", by="anna")
    assert isinstance(found, HoldRecord)
    assert ({}, 1) == (office.queued(), len(office.inbox.said))


@pytest.mark.parametrize("ruling", [HoldRuling.REJECT, HoldRuling.REOPEN])
def test_what_is_rejected_or_asked_again_is_planned_anew_at_once(ruling: HoldRuling) -> None:
    office = Office(inbox=OneHold(then=HoldState.REJECTED))
    found = office.orders.rule("abc", ruling, by="anna")
    assert isinstance(found, HoldRecord)
    assert {"prod": WorkItem(EVERYTHING, "held", Urgency.WHOLE)} == office.queued()
    assert [{"hold": "h1", "deployment": "prod", "ruling": ruling.value, "by": "anna"}] == office.told("hold_ruled")


@pytest.mark.parametrize(
    ("name", "state", "by", "said"),
    [
        ("h9", HoldState.WAITS, "anna", 'there is no hold "h9"'),
        ("h1", HoldState.SUPERSEDED, "anna", "h1 is over: .*superseded by h2"),
        ("h1", HoldState.WAITS, "eve", "eve said so already"),
    ],
)
@pytest.mark.parametrize("ruling", list(HoldRuling))
def test_of_what_is_not_there_nothing_can_be_said(
    ruling: HoldRuling, name: str, state: HoldState, by: str, said: str
) -> None:
    office = Office(inbox=OneHold(state))
    with pytest.raises(NotKnown, match=said):
        office.orders.rule(name, ruling, by=by)
    assert {} == office.queued()


@pytest.mark.finding("U-B2")
def test_an_approval_remembers_for_whom_it_was_and_why() -> None:
    office = Office()
    job = office.orders.approve("prod", "abc", by="eve", approver="anna", reason="ticket 12")
    assert isinstance(job, Job)
    assert ("eve", "anna (via eve): ticket 12") == (job.order.by, job.order.who)
    assert ["anna (via eve): ticket 12"] == [facts["by"] for facts in office.told("approval_taken")]


@pytest.mark.finding("U-B2")
@pytest.mark.parametrize(
    ("name", "said", "written"),
    [
        ("eve", "", "eve"),
        ("eve", "eve", "eve"),
        ("root", "anna", "anna (via root)"),
        ("anna (via root)", "anna", "anna (via root)"),
        ("anna (via root)", "bob", "bob (via anna (via root))"),
    ],
)
def test_whose_word_it_is_stands_beside_a_name(name: str, said: str, written: str) -> None:
    assert written == Order(by=name, approver=said).who


@pytest.mark.parametrize(
    ("hold", "deployment", "said"),
    [
        (Kept(), "test", "nothing with the digest abc is held on test; nothing is held there now"),
        (
            Kept("def"),
            "prod",
            r"nothing with the digest abc is held on prod; what is held there now has the digest def",
        ),
        (Kept(made_at=NOW - EXPIRES * 2), "prod", "what is held on prod was last planned at .* too long ago"),
        (Kept(), "elsewhere", 'no deployment "elsewhere"'),
    ],
    ids=["elsewhere", "something else", "too old", "no such deployment"],
)
def test_an_approval_of_anything_else_is_refused_and_lets_nothing_pass(hold: Kept, deployment: str, said: str) -> None:
    office = Office(hold=hold)
    with pytest.raises(NotKnown, match=said):
        office.orders.approve(deployment, "abc", by="eve")
    assert ({}, []) == (office.queued(), office.events)


def test_an_approval_waits_for_the_end_of_a_pause() -> None:
    paused = Pause(1, Paused("name", "prod"), "ticket 12", "anna", "host", NOW, None)
    office = Office(pauses=(paused,))
    with pytest.raises(NotNow, match="prod is paused until it is resumed by anna: ticket 12; approve it again once"):
        office.orders.approve("prod", "abc", by="eve")
    assert ({}, []) == (office.queued(), office.events)
