"""A database that is an older copy, a new one or another one: it is noticed, and nothing is taken until a person speaks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from grants_world import Staff
from sqlalchemy import text
from stages import DAGS, NOW, People, Stage, roles_of

from syncd.cli import run
from syncd.model import GrantRequest, GrantWord, Paused, Status, TimedGrant, User
from syncd.plan.limits import Limits
from syncd.plan.rulings import HoldRuling
from syncd.ports import Silence, Truth
from syncd.reconcile.approving import give_word, hold_word
from syncd.store import Stores, chain
from syncd.store.backup import backup
from syncd.targets.memory import MemoryTarget


class Host:
    """A host with a database and a place beside it; each stage is a process that starts anew."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.open = url, folder, ExitStack()
        self.people = People({"finance": ["anna", "bob", "carol"]})
        self.prod = MemoryTarget("prod", dags=DAGS)

    def starts(self, *, witness: str = "witness") -> Stage:
        self.open.close()
        store = Stores.open(self.url, clock=lambda: NOW, witness=self.folder / witness)
        self.open.callback(store.close)
        return Stage(store, self.people, {"prod": self.prod})

    def copies(self, name: str) -> None:
        with closing(Stores.open(self.url)) as store:
            backup(store.database, self.folder / name)

    def restores(self, name: str) -> None:
        self.open.close()
        path = self.url.removeprefix("sqlite:///")
        for side in ("-wal", "-shm"):
            Path(path + side).unlink(missing_ok=True)
        shutil.copy(self.folder / name, path)

    def lets_go(self, *names: str) -> None:
        self.people.members = {"finance": [n for n in self.people.members["finance"] if n not in names]}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    it = Host(f"sqlite:///{tmp_path}/syncd.db", tmp_path)
    with it.open:
        yield it
        it.open.close()


def given_by_hand_after_a_copy(host: Host) -> None:
    """Bob left and lost it after the copy was made; then somebody gave it to him by hand, which is theirs to do."""
    host.starts().apply()
    host.copies("copy")
    host.lets_go("bob")
    host.starts().apply()
    assert set() == roles_of(host.prod, "bob")
    host.prod.users["bob"] = _with(host, "bob", "finance")


def _with(host: Host, name: str, *roles: str) -> User:
    return replace(host.prod.users[name], roles=frozenset(roles))


def test_nothing_is_taken_by_an_older_copy(host: Host) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")

    stage = host.starts()
    report = stage.apply().deployments[0]

    assert {"finance"} == roles_of(host.prod, "bob")
    assert report.held is not None
    assert report.plan is not None
    assert ["1 changes take something, and the database is in doubt"] == [
        why.partition(" (")[0] for why in report.held.why
    ]
    assert "it is an older copy: the last work that it knows of is of 2026-03-01 12:00 UTC" in report.held.why[0]
    assert "database_doubted" in stage.events
    assert ["database_doubted"] == [n.code for n in report.plan.notes if n.code == "database_doubted"]


def test_what_is_given_goes_on_in_doubt(host: Host) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")
    host.people.members["finance"].append("dora")

    host.starts().apply()

    assert {"finance", "Viewer"} == roles_of(host.prod, "dora")


def test_a_copy_that_was_worked_with_is_still_an_older_one(host: Host) -> None:
    """It counts further than what is remembered, but not the same work."""
    given_by_hand_after_a_copy(host)
    host.restores("copy")
    elsewhere = host.starts(witness="of another host")
    for name in ("dora", "eve", "fred"):
        host.people.members["finance"].append(name)
        elsewhere.apply()

    report = host.starts().apply().deployments[0]

    assert report.held is None or "it is an older copy that was worked with since" in report.held.why[0]
    doubt = host.starts().store.installation.doubt()
    assert doubt is not None
    assert "it is an older copy that was worked with since" in doubt.why


def test_a_new_database_is_another_one(host: Host) -> None:
    host.starts().apply()
    host.open.close()
    for path in host.folder.glob("syncd.db*"):
        path.unlink()

    doubt = host.starts().store.installation.doubt()

    assert doubt is not None
    assert doubt.why.startswith("it is another one than syncd worked with until 2026-03-01 12:00 UTC: it was made at ")


def test_who_remembers_nothing_is_told_by_the_database(host: Host) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")
    host.starts().apply()

    host.starts(witness="of another host").apply()

    assert {"finance"} == roles_of(host.prod, "bob")


def test_a_plan_writes_no_doubt_down(host: Host) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")

    held = host.starts().plan().held

    assert held is not None
    assert host.starts(witness="of another host").store.installation.doubt() is None


@pytest.mark.parametrize(("truth", "left"), [(Truth.AS_IT_IS, set()), (Truth.BEGIN_ANEW, {"finance"})])
def test_a_person_says_which_is_true(host: Host, truth: Truth, left: set[str]) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")
    host.starts().apply()
    host.starts().store.installation.recover(truth, by="root: ticket 12")

    stage = host.starts()
    stage.apply()

    assert left == roles_of(host.prod, "bob")
    assert [("root: ticket 12", truth)] == [(said.by, said.truth) for said in stage.store.installation.recoveries()]
    assert stage.store.installation.doubt() is None


def test_after_beginning_anew_who_leaves_then_still_loses_what_a_line_gave(host: Host) -> None:
    given_by_hand_after_a_copy(host)
    host.restores("copy")
    host.starts().store.installation.notice()
    host.starts().store.installation.recover(Truth.BEGIN_ANEW, by="root")
    host.starts().apply()
    host.lets_go("carol")

    host.starts().apply()

    assert (set(), {"finance"}) == (roles_of(host.prod, "carol"), roles_of(host.prod, "bob"))


def test_an_answer_counts_for_what_other_hosts_remember_too(host: Host) -> None:
    host.starts(witness="one").apply()
    host.copies("copy")
    host.lets_go("bob")
    host.starts(witness="two").apply()
    host.lets_go("carol")
    host.starts(witness="one").apply()
    host.restores("copy")
    host.starts(witness="one").store.installation.notice()

    host.starts(witness="one").store.installation.recover(Truth.AS_IT_IS, by="root")

    assert host.starts(witness="one").store.installation.doubt() is None
    assert host.starts(witness="two").store.installation.doubt() is None


def test_a_newer_copy_that_is_put_back_ends_nothing_by_itself_but_is_known(host: Host) -> None:
    """Nothing was written down in the newer one, so it is in no doubt."""
    host.starts().apply()
    host.copies("old")
    host.lets_go("bob")
    host.starts().apply()
    host.copies("new")
    host.restores("old")
    assert host.starts().store.installation.notice() is not None

    host.restores("new")

    assert host.starts().store.installation.doubt() is None


def test_what_another_hand_took_is_not_ours_again_by_an_older_copy(host: Host) -> None:
    """No call was made since the copy: that syncd owns something no more is work of consequence, too."""
    host.starts().apply()
    host.copies("copy")
    host.lets_go("bob")
    host.prod.users["bob"] = _with(host, "bob")
    host.starts().apply()
    host.prod.users["bob"] = _with(host, "bob", "finance")
    host.restores("copy")

    host.starts().apply()

    assert {"finance"} == roles_of(host.prod, "bob")


def test_what_is_remembered_and_cannot_be_read_is_a_doubt_of_this_process(host: Host) -> None:
    host.starts().apply()
    (host.folder / "witness").write_text("{")
    host.lets_go("bob")

    held = host.starts().apply().deployments[0].held

    assert held is not None
    assert "what is remembered of the database cannot be read: it is none that syncd wrote" in held.why[0]
    assert host.starts(witness="of another host").store.installation.doubt() is None


def test_where_nothing_can_be_remembered_the_work_goes_on_and_it_is_said(host: Host) -> None:
    stage = host.starts(witness="nowhere/witness")

    assert {Status.APPLIED} == set(stage.statuses(stage.apply()).values())
    assert "nowhere/witness: it cannot be written: No such file or directory" in stage.store.installation.trouble


def test_a_database_that_is_swapped_under_a_process_is_noticed(
    make_database: Callable[[str], str], tmp_path: Path
) -> None:
    """As a server of PostgreSQL does that fails over to a replica which is behind; no file remembers it."""
    with closing(Stores.open(make_database("one"), clock=lambda: NOW)) as store:
        people, prod = People({"finance": ["anna", "bob", "carol"]}), MemoryTarget("prod", dags=DAGS)
        stage = Stage(store, people, {"prod": prod})
        stage.apply()
        with store.database.write() as connection:
            connection.execute(text("DELETE FROM marks WHERE number = (SELECT number FROM installation)"))
            connection.execute(text("UPDATE installation SET number = number - 1"))
        people.members["finance"].remove("bob")

        stage.apply()

    assert {"finance", "Viewer"} == roles_of(prod, "bob")


def test_two_processes_that_work_side_by_side_see_no_doubt(make_database: Callable[[str], str], tmp_path: Path) -> None:
    url = make_database("one")
    with closing(Stores.open(url, witness=tmp_path / "w")) as one, closing(Stores.open(url)) as two:
        for _ in range(3):
            one.installation.mark()
            two.installation.mark()
            assert (None, None) == (one.installation.notice(), two.installation.notice())


def test_marks_of_long_ago_are_forgotten_and_who_remembers_one_is_believed(host: Host) -> None:
    host.starts().apply()
    shutil.copy(host.folder / "witness", host.folder / "old witness")
    host.lets_go("bob")
    host.starts().apply()
    store = host.starts().store

    store.presence.upkeep(before=NOW.replace(year=2027))

    with store.database.read() as connection:
        assert 1 == connection.execute(text("SELECT count(*) FROM marks")).scalar()
    assert host.starts(witness="old witness").store.installation.doubt() is None


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration whose database is a new one, as what is remembered says."""
    monkeypatch.chdir(tmp_path)
    assert 0 == run(["--quiet", "init"])
    with closing(Stores.open("sqlite:///syncd.db", witness=tmp_path / "syncd.db.witness")) as store:
        store.installation.mark()
    (tmp_path / "syncd.db").unlink()
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    return run(["--quiet", *words]), *capsys.readouterr()


def test_recover_shows_why_and_what_can_be_said(doubted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = typed(capsys, "recover")

    assert 4 == code
    first, why, held, deployment, *rest = said.splitlines()
    assert first.startswith(f"database {doubted}/syncd.db is in doubt since ")
    assert why.startswith("  it is another one than syncd worked with until ")
    assert "Nothing is taken from anybody until you say which is true. By what it says is syncd's now:" == held
    assert "  dev: 0 accounts, 0 roles and 0 grants" == deployment
    assert {"     syncd recover --as-it-is --reason TEXT", "     syncd recover --begin-anew --reason TEXT"} <= set(rest)


@pytest.mark.parametrize("word", ["--as-it-is", "--begin-anew"])
def test_recover_writes_down_who_said_what_and_why(
    doubted: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    code, said, _ = typed(capsys, "recover", word, "--reason", "ticket 12")

    assert 0 == code
    assert said.endswith("see what that changes with: syncd plan\n")
    assert (
        0,
        f"database {doubted}/syncd.db is the one that was worked with last; there is nothing to say of it\n",
    ) == (typed(capsys, "recover")[:2])
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        [told] = store.installation.recoveries()
    assert told.by.endswith(": ticket 12")
    assert told.doubt.startswith("it is another one than")


def test_status_tells_first_that_nothing_is_taken_because_of_the_database(
    doubted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said, _ = typed(capsys, "status", "--offline")
    assert said.startswith("the database is in doubt, so nothing is taken: it is another one than ")
    assert said.splitlines()[0].endswith("; what to do: syncd recover")

    typed(capsys, "recover", "--as-it-is")

    assert "in doubt" not in typed(capsys, "status", "--offline")[1]


def test_what_is_not_in_doubt_needs_no_word(doubted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "recover", "--as-it-is")

    code, _, error = typed(capsys, "recover", "--begin-anew")

    assert 3 == code
    assert "is not in doubt, so there is nothing to say of it; if you know better: recover --doubt" in error


def test_who_restored_a_copy_can_say_so(doubted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "recover", "--as-it-is")

    code, said, _ = typed(capsys, "recover", "--doubt", "--reason", "restored the copy of Monday")

    assert 4 == code
    assert said.splitlines()[1].endswith(" said so: restored the copy of Monday")
    assert 3 == typed(capsys, "recover", "--doubt", "--as-it-is")[0]


@pytest.mark.finding("N-662")
def test_recover_names_what_goes_by_older_mapping_files_by_this_copy(
    doubted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = doubted / "config.toml"
    said = config.read_text("utf-8").replace('mode = "observe"', 'mode = "enforce"')
    config.write_text(said + '\n[rollout]\norder = [{ env = "dev" }]\n', "utf-8")
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        store.rollouts.begin("dev", "0123456789abcdef", {}, soaks=False)

    _, shown, _ = typed(capsys, "recover")

    assert "  dev goes by mapping revision 0123456789ab, begun at " in shown
    assert 3 == typed(capsys, "recover", "--as-it-is")[0]
    assert 0 == typed(capsys, "recover", "--as-it-is", "--yes")[0]


@pytest.mark.finding("N-621")
def test_recover_asks_of_what_people_said_that_may_have_been_taken_back(
    doubted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = GrantWord("eve", "host", datetime.now(UTC))
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        store.grants.ask(GrantRequest("dev", "Op", ("people", "b"), "bob", timedelta(hours=9), "incident 7", asked))
        _pauses(store)

    _, shown, _ = typed(capsys, "recover")
    code, said, error = typed(capsys, "recover", "--as-it-is")

    for told in (shown, said):
        assert "  grant 1: Op of bob on dev, granted by eve until " in told
        assert "  pause 1: all changes on the fleet paused until it is resumed by eve: audit\n" in told
    assert 3 == code
    assert "hold reopen, alarms unsilence), then say --yes; --end-grants ends all roles that are given" in error
    assert 3 == typed(capsys, "recover", "--as-it-is", "--end-grants")[0], "the pause is not spoken of"
    assert 0 == typed(capsys, "recover", "--as-it-is", "--end-grants", "--yes")[0]
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        assert () == store.grants.open()
        assert store.installation.doubt() is None


@pytest.mark.finding("N-621")
@pytest.mark.parametrize(("typed_in", "code"), [("yes", 0), ("no", 4)])
def test_at_a_terminal_recover_asks_whether_what_people_said_holds(
    doubted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed_in: str, code: int
) -> None:
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        _pauses(store)
    monkeypatch.setattr("syncd.cli.confirm.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", StringIO(f"{typed_in}\n"))

    assert code == typed(capsys, "recover", "--as-it-is")[0]

    with closing(Stores.open("sqlite:///syncd.db")) as store:
        assert [code != 0] == [store.installation.standing().doubt is not None or not store.installation.recoveries()]


# --- what people said before the copy was made counts no more ----------------------------------------------------------


@pytest.mark.finding("N-572")
def test_an_approval_of_an_older_copy_lets_nothing_pass_a_second_time(host: Host) -> None:
    stage = _tight(host)
    stage.apply()
    host.lets_go("bob")
    stage.apply()
    _approve(stage)
    host.copies("copy")
    stage.apply()
    assert set() == roles_of(host.prod, "bob")
    host.prod.users["bob"] = _with(host, "bob", "finance", "Viewer")
    host.restores("copy")

    stage = _tight(host)
    stage.apply()

    assert {"finance", "Viewer"} == roles_of(host.prod, "bob")
    hold = stage.store.inbox.find("h1")
    assert hold is not None
    assert ("waits", "syncd", "the database is in doubt") == (hold.state, hold.words[-1].who, hold.words[-1].reason)
    _approve(stage)
    stage.apply()
    assert set() == roles_of(host.prod, "bob"), "it was said in doubt, of exactly this"


def _tight(host: Host) -> Stage:
    return replace(host.starts(), limits=Limits(removals=0, share=0, floor=0))


def _approve(stage: Stage) -> None:
    word = hold_word(HoldRuling.APPROVE, by="anna", origin="command", at=NOW)
    give_word(stage.store.inbox, "h1", word, needs=1, expires=timedelta(hours=24))


@pytest.mark.finding("N-573")
def test_a_grant_for_a_time_that_was_ended_after_the_copy_gives_nothing_in_doubt(host: Host) -> None:
    host.people = Staff({"finance": ["anna"]}, everybody=["anna", "bob"])
    stage = host.starts()
    grant = _granted(stage, NOW)
    stage.apply()
    host.copies("copy")
    stage.store.grants.end(grant.id, GrantWord("eve", "host", NOW), "done")
    stage.apply()
    assert set() == roles_of(host.prod, "bob")
    host.restores("copy")

    report = host.starts().apply().deployments[0]

    assert set() == roles_of(host.prod, "bob")
    assert report.held is not None
    assert report.held.why[0].startswith("1 person gets a role for a time by a grant that may be over, as the database")
    _granted(host.starts(), NOW + timedelta(minutes=1))
    host.starts().apply()
    assert {"Op"} == roles_of(host.prod, "bob"), "this one was given since the doubt"


def _granted(stage: Stage, at: datetime) -> TimedGrant:
    asked = GrantWord("root", "host", at)
    grant = stage.store.grants.ask(
        GrantRequest("prod", "Op", ("people", "bob"), "bob", timedelta(hours=9), "incident 7", asked)
    )
    assert isinstance(grant, TimedGrant)
    return grant


def test_a_grant_for_a_time_stays_with_whom_has_it_in_doubt(host: Host) -> None:
    host.people = Staff({"finance": ["anna"]}, everybody=["anna", "bob"])
    stage = host.starts()
    _granted(stage, NOW)
    stage.apply()
    stage.store.installation.say_doubt("root said so")

    report = host.starts().apply().deployments[0]

    assert ({"Op"}, None) == (roles_of(host.prod, "bob"), report.held)


# --- each word of a person is work of consequence -----------------------------------------------------------------------


def _nothing(_: Stage) -> None:
    """Have said nothing before."""


def _pauses(store: Stores) -> int:
    return store.pauses.pause(Paused("", "", False), until=None, reason="audit", by="eve").id


_EVE = GrantWord("eve", "host", NOW)
_SILENCE = Silence(NOW + timedelta(hours=1), "eve", "night", "drift")
WORDS: dict[str, tuple[Callable[[Stage], object], Callable[[Stage], object]]] = {
    "grant asked": (_nothing, lambda stage: _granted(stage, NOW)),
    "grant revoked": (lambda stage: _granted(stage, NOW), lambda stage: stage.store.grants.end(1, _EVE, "done")),
    "pause": (_nothing, lambda stage: _pauses(stage.store)),
    "resume": (lambda stage: _pauses(stage.store), lambda stage: stage.store.pauses.resume(1, by="eve")),
    "silence": (_nothing, lambda stage: stage.store.presence.silence(_SILENCE, now=NOW)),
    "silence ended": (
        lambda stage: stage.store.presence.silence(_SILENCE, now=NOW),
        lambda stage: stage.store.presence.unsilence(1, by="eve", now=NOW),
    ),
    "accept": (_nothing, lambda stage: stage.store.records.accepted("role", {}, now=NOW)),
}


@pytest.mark.finding("N-620")
@pytest.mark.parametrize("word", WORDS)
def test_a_copy_from_before_a_word_is_an_older_one(host: Host, word: str) -> None:
    before, says = WORDS[word]
    before(host.starts())
    host.copies("copy")
    says(host.starts())
    assert host.starts().store.installation.doubt() is None
    host.restores("copy")

    doubt = host.starts().store.installation.doubt()

    assert doubt is not None
    assert doubt.why.startswith("it is an older copy")


@pytest.mark.finding("N-620")
@pytest.mark.parametrize("ruling", [HoldRuling.APPROVE, HoldRuling.REJECT])
def test_a_copy_from_before_a_verdict_is_an_older_one(host: Host, ruling: HoldRuling) -> None:
    stage = _tight(host)
    stage.apply()
    host.lets_go("bob")
    stage.apply()
    host.copies("copy")
    word = hold_word(ruling, by="anna", origin="command", at=NOW)
    give_word(_tight(host).store.inbox, "h1", word, needs=1, expires=timedelta(hours=24))
    host.restores("copy")

    assert host.starts().store.installation.doubt() is not None


@pytest.mark.finding("N-620")
def test_a_word_that_is_said_to_an_older_copy_hides_it_from_nobody(host: Host) -> None:
    """What is remembered is never set back to what the older copy counts."""
    host.starts().apply()
    host.copies("copy")
    host.lets_go("bob")
    host.starts().apply()
    host.restores("copy")

    _pauses(host.starts().store)

    for witness in ("witness", "of another host"):
        doubt = host.starts(witness=witness).store.installation.doubt()
        assert doubt is not None, "and it is written down for whoever remembers nothing"
        assert doubt.why.startswith("it is an older copy")


def test_every_kind_of_word_is_one_that_the_journal_knows() -> None:
    """A kind that is spelt otherwise where it is written would count as no word."""
    written = "".join(file.read_text() for file in Path(chain.__file__).parent.glob("*.py"))
    assert [] == [kind for kind in sorted(chain.WORDS) if written.count(f'"{kind}"') < 2]
