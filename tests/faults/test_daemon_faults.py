"""Every dependency of the daemon is taken away in turn for a while and given back.

Each story ends with `Rig.see`: nothing that is not ours was touched, nobody has what no mapping line gives, every call to a
server was announced in the journal before it came there, and no change is left open.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from daemon_rig import HASTY_S, READ_S, Rig, full, locked, rig, stop_postgres, stopped_postgres
from postgres_server import boot_postgres, new_database
from waiting import until

from syncd.control import DeploymentHealth, Job, NotKnown, Order
from syncd.daemon.followup import QUARANTINE_AFTER
from syncd.daemon.worker import FIRST_POLLS_S
from syncd.orders import NotMeant
from syncd.sandbox.airflow.faults import (
    CRASH,
    DOWN,
    EMPTY_502,
    HANG,
    UNAUTHORIZED,
    WEB_PAGE,
    Fault,
    HangUp,
    Slow,
    on,
    too_many,
)
from syncd.sandbox.entra import EntraStandIn, LieKind
from syncd.web import Authenticator, Server, app

HOUR_S = 3600.0
SLOWLY_S = 2.0
"""What an account takes on a server that is slow: those of a large apply take two minutes, and so does what waits for it."""
TEAM = {"anna@okta.example", "bert@okta.example", "cleo@okta.example"}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def running(lab: Rig) -> Rig:
    """An installation whose daemon runs and has done everything."""
    begin(lab)
    return lab


def begin(lab: Rig) -> None:
    lab.start()
    lab.converge()
    lab.until("all is quiet", lambda: lab.quiet() and not lab.it.unready())


def in_an_hour(lab: Rig) -> str:
    return (lab.time.now() + timedelta(hours=1)).isoformat(timespec="seconds")


def writes(lab: Rig) -> int:
    return sum(len(server.writes) for server in lab.servers.values())


# --- a source goes away ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["refused", "error_500", "html_502", "limited", "hang", "revoked", "forbidden", "html_200", "null_200"]
)
def test_okta_is_away_while_somebody_leaves_and_a_binding_ends(lab: Rig, kind: str) -> None:
    lab.limits = "floor = 5, share = 1.0"  # three of five lose a role when the binding ends
    lab.write_config()
    lab.bindings.append(("okta:team", "Op", in_an_hour(lab)))
    lab.write_mapping()
    lab.start()
    lab.converge()
    with lab.deaf() if kind == "refused" else lab.lying(kind):
        lab.until("the alarm is seen", lambda: lab.alarmed("source_failed", "okta"))
        assert 0 == lab.figure("syncd_source_up", source="okta")
        lab.leave("anna")
        lab.files["crew"].remove("fay")
        lab.write_people()
        lab.until("fay, of the other source, is out", lambda: all("fay" not in s.holders("Op") for s in lab.all))
        lab.time.pass_(HOUR_S + 1)
        lab.until("the binding is over", lambda: all({"fred", "felix"} == s.holders("Op") for s in lab.all))
        lab.until("it is said", lambda: any("source okta gave no answer since" in why for why in lab.it.unready()))
        lab.watch(0.5, "grants of Okta stay", lambda: all(s.holders("team") >= TEAM for s in lab.all))
    lab.until("the alarm is over", lambda: not lab.alarmed("source_failed") and lab.quiet())
    lab.converge()
    assert 1 == lab.figure("syncd_source_up", source="okta")
    assert 0 == lab.figure("syncd_alarms", kind="source_failed")
    lab.see()


@pytest.mark.parametrize("kind", ["short_page", "empty_page", "cut_body", "truncated_json", "null_entry", "count_high"])
def test_okta_lies_about_the_members_of_a_group(running: Rig, kind: str) -> None:
    area = "groups" if kind == "count_high" else "members"
    with running.lying(kind, area):
        running.leave("anna")
        running.until("a poll sees it", lambda: running.figure("syncd_source_uncertified_groups", source="okta"))
        running.time.pass_(3)
        running.until("the alarm is seen", lambda: running.alarmed("uncertified", "okta"))
        running.watch(0.5, "nobody loses anything", lambda: all(s.holders("team") >= TEAM for s in running.all))
    running.until("the alarm is over", lambda: not running.alarmed("uncertified"))
    running.converge()
    running.see()


ENTRA = """
[sources.entra]
type = "entra"
tenant = "{tenant}"
client_id = "{client}"
auth = {{kind = "client_secret", secret = {{env = "SYNCD_TEST_SECRET"}}}}
authority = "{where.authority}"
graph = "{where.graph}"
ca = "{where.ca}"
groups = {{all = true}}
attempts = 1
settle_s = 0.05
timeouts = {{connect_s = 20, read_s = {read_s}}}
"""


@pytest.mark.parametrize(
    "kind", [LieKind.BROKEN, LieKind.THROTTLED_SILENTLY, LieKind.HANG, LieKind.FORBIDDEN, LieKind.WEB_PAGE]
)
def test_entra_is_away_while_somebody_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: LieKind) -> None:
    entra = EntraStandIn()
    client = entra.authority.client
    monkeypatch.setenv("SYNCD_TEST_SECRET", client.secret)
    names = {
        entra.tenant.add_user(f"{name}.core"): f"{name}.core@{entra.authority.tenant}" for name in ("gina", "hugo")
    }
    core = entra.tenant.add_group("core", names)
    with entra.serve() as where:
        read_s = HASTY_S if kind is LieKind.HANG else READ_S
        table = ENTRA.format(tenant=entra.authority.tenant, client=client.id, where=where, read_s=read_s)
        with rig(tmp_path, monkeypatch, extra=table) as lab:
            lab.bindings.append(("entra:core", "team", ""))
            lab.more["entra:core"] = lambda: {names[id_] for id_ in entra.tenant.people(core)}
            lab.write_mapping()
            lab.start()
            lab.converge()
            entra.lie(kind, times=1_000_000)
            lab.until("the alarm is seen", lambda: lab.alarmed("source_failed", "entra"))
            entra.tenant.leave(core, next(iter(names)))
            lab.leave("anna")
            lab.until(
                "who left Okta is out", lambda: all("anna@okta.example" not in s.holders("team") for s in lab.all)
            )
            lab.watch(
                0.5, "grants of Entra stay", lambda: all(set(names.values()) <= s.holders("team") for s in lab.all)
            )
            entra.lies.clear()
            lab.until("the alarm is over", lambda: not lab.alarmed("source_failed") and lab.quiet())
            lab.converge()
            lab.see()


def test_a_restart_while_every_source_is_away_takes_nothing_but_what_ended(lab: Rig) -> None:
    lab.bindings.append(("okta:team", "Op", in_an_hour(lab)))
    lab.write_mapping()
    lab.start()
    lab.converge()
    lab.stop()
    with lab.deaf():
        shutil.move(lab.folder / "people", lab.folder / "elsewhere")
        lab.leave("bert")
        lab.start()
        lab.until("the alarms are seen", lambda: all(lab.alarmed("source_failed", s) for s in ("okta", "people")))
        assert all(TEAM <= s.holders("team") & s.holders("Op") for s in lab.all)
        lab.time.pass_(HOUR_S + 1)
        lab.until("the binding is over", lambda: all({"fred", "fay", "felix"} == s.holders("Op") for s in lab.all))
        assert all(TEAM <= s.holders("team") for s in lab.all)
        shutil.move(lab.folder / "elsewhere", lab.folder / "people")
    lab.converge()
    lab.until("all is quiet", lab.quiet)
    lab.see()


def test_a_first_start_while_everything_is_away(lab: Rig) -> None:
    lab.bindings.append(("okta:team", "Op", in_an_hour(lab)))
    lab.write_mapping()
    shutil.move(lab.folder / "people", lab.folder / "elsewhere")
    with lab.deaf():
        lab.start()
        lab.until("the alarms are seen", lambda: all(lab.alarmed("source_failed", s) for s in ("okta", "people")))
        lab.time.pass_(HOUR_S + 1)
        lab.watch(1.0, "nobody is given anything", lambda: all(not s.holders("Op") for s in lab.all))
    shutil.move(lab.folder / "elsewhere", lab.folder / "people")
    lab.converge()
    lab.until("all is quiet", lab.quiet)
    lab.see()


@pytest.mark.finding("N-653")
def test_a_first_fill_is_one_although_a_source_takes_long_to_read(lab: Rig) -> None:
    """What it gives is not measured as gains of people beside those few whom a quick source has."""
    lab.limits = "floor = 5, share = 0.5"
    lab.write_config()
    lab.join(*crowd(24))
    lab.okta.lie("hang").hang_s = 3.0
    lab.start()
    lab.until("the folder is read", lambda: any(s["source"] == "people" for s in lab.heard("snapshot_read")))
    lab.time.pass_(FIRST_POLLS_S + 1)
    lab.converge()
    assert [] == lab.heard("change_held")
    lab.see()


# --- a deployment goes away -----------------------------------------------------------------------------------------------


@contextmanager
def wrong_password(lab: Rig) -> Iterator[None]:
    server = lab.servers["prod"]
    server.state.users["admin"].password = "another"
    server.gate.forget_tokens()  # else the token that we have is good until it runs out
    yield
    server.state.users["admin"].password = "admin"


def faulty(fault: Fault, method: str = "*", path: str = "*") -> Callable[[Rig], AbstractContextManager[None]]:
    @contextmanager
    def shown(lab: Rig) -> Iterator[None]:
        lab.servers["prod"].faults.add(fault, on(method, path))
        yield
        lab.servers["prod"].faults.clear()

    return shown


@contextmanager
def hanging(lab: Rig) -> Iterator[None]:
    with lab.hasty_with("prod"), faulty(HANG)(lab):
        yield


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(faulty(DOWN), id="down"),
        pytest.param(hanging, id="hanging"),
        pytest.param(faulty(WEB_PAGE), id="a web page"),
        pytest.param(faulty(UNAUTHORIZED), id="401"),
        pytest.param(faulty(CRASH, "GET"), id="500"),
        pytest.param(faulty(EMPTY_502), id="502"),
        pytest.param(faulty(too_many()), id="429"),
        pytest.param(wrong_password, id="another password"),
    ],
)
def test_a_deployment_is_away_for_a_while(running: Rig, broken: Callable[[Rig], AbstractContextManager[None]]) -> None:
    with broken(running):
        running.leave("anna")
        running.join("dora")
        running.until("the others follow", lambda: running.is_converged("lab", "test"))
        climb(running, "prod")
        assert running.alarmed("unreachable", "prod")
        assert 1 == running.figure("syncd_deployment_standing", deployment="prod", standing="quarantined")
        running.until("it is tried again, for ever", lambda: running.deployment("prod").next_try_at is not None)
        running.until("it is kept when", lambda: is_kept_as_failing(running, "prod"))
        running.leave("bert")
        running.until("the others still follow", lambda: running.is_converged("lab", "test"))
        assert running.servers["prod"].holders("team") >= TEAM
    is_tried_again(running, "prod")
    running.converge()
    running.until("the alarms are over", running.quiet)
    assert DeploymentHealth.OK is running.deployment("prod").standing
    assert 0 == running.figure("syncd_deployment_failures", deployment="prod")
    assert running.store is not None
    running.until("nothing is kept of that", lambda: running.store and not running.store.failures.failing())
    running.see()


def is_kept_as_failing(lab: Rig, name: str) -> bool:
    """Say whether the database has when a deployment is tried again, as the daemon does it, and since when it fails."""
    assert lab.store is not None
    kept, shown = lab.store.failures.failing().get(name), lab.deployment(name)
    if kept is None or kept.next_try_at is None or shown.next_try_at is None:
        return False
    is_near = abs(kept.next_try_at - shown.next_try_at) < timedelta(seconds=1)
    return is_near and kept.times >= QUARANTINE_AFTER and kept.since < lab.time.now()


def climb(lab: Rig, name: str) -> None:
    """Let time go by until a deployment that fails is quarantined."""

    def higher() -> bool:
        if (due := lab.deployment(name).next_try_at) is not None:
            lab.time.pass_(max(0.0, (due - lab.time.now()).total_seconds()))
        return lab.alarmed("quarantined", name)

    lab.until(f"{name} is quarantined", higher)


def is_tried_again(lab: Rig, name: str) -> None:
    """Let an hour go by, and another one where a pass that met the fault ended only after that, and waits anew."""

    def answers() -> bool:
        if lab.deployment(name).next_try_at is not None:
            lab.time.pass_(HOUR_S)
        return lab.deployment(name).standing is DeploymentHealth.OK

    lab.until(f"{name} answers again", answers)


def test_changes_without_an_answer_are_settled_by_looking(running: Rig) -> None:
    running.servers["prod"].faults.add(HangUp(after_work=True), on("PATCH", "*/users/*"), times=2)
    running.servers["lab"].faults.add(HangUp(), on("PATCH", "*/users/*"), times=2)
    running.leave("anna", "bert")
    running.converge()
    running.until("all is quiet", running.quiet)
    running.see()


def test_a_server_that_slows_is_asked_less(running: Rig) -> None:
    before = running.figure("syncd_deployment_allowed_calls_per_second", deployment="prod")
    assert 500 == before
    running.servers["prod"].faults.add(Slow(before_s=0.3), on("GET", "*"))

    def rate() -> float:
        return running.figure("syncd_deployment_allowed_calls_per_second", deployment="prod") or 0

    running.until("it is asked less", lambda: rate() <= 250)
    running.leave("anna")
    running.until("the others follow", lambda: running.is_converged("lab", "test"))
    assert 500 == running.figure("syncd_deployment_allowed_calls_per_second", deployment="lab")
    running.converge()
    running.servers["prod"].faults.clear()
    running.until("it is asked less no more", lambda: rate() > 300)
    running.see()


# --- the database goes away -----------------------------------------------------------------------------------------------


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path, monkeypatch, busy_s=1) as lab:
        begin(lab)
        with locked(lab):
            the_database_is_away(lab)
        it_is_back(lab)


@pytest.mark.parametrize("tables", [(), ("steps",), ("plans",), ("runs",), ("leases",)], ids="+".join)
def test_a_full_disk(running: Rig, tables: tuple[str, ...]) -> None:
    when = "UPDATE" if tables == ("leases",) else "INSERT"
    with full(running, *tables, when=when):
        the_database_is_away(running)
    it_is_back(running)


def the_database_is_away(lab: Rig) -> None:
    """See that without the database nothing is done, and that it is said."""
    before = writes(lab)
    lab.leave("anna")
    lab.files["crew"].remove("fay")
    lab.write_people()
    lab.until("the alarm is seen", lambda: lab.alarmed("database_down"))
    lab.watch(1.5, "nothing is written", lambda: before == writes(lab))
    lab.until("the alarm stays", lambda: lab.alarmed("database_down"))
    assert all(TEAM <= server.holders("team") for server in lab.all)


def it_is_back(lab: Rig) -> None:
    lab.converge()
    lab.until("the alarm is over", lambda: lab.quiet() and not lab.it.unready())
    assert 1 == lab.figure("syncd_database_up")
    lab.see()


def test_a_disk_that_is_full_after_a_call_was_made(running: Rig) -> None:
    before = {name: len(server.writes) for name, server in running.servers.items()}
    with full(running, "changes", when="UPDATE OF ended_at"):
        running.leave("anna", "bert")
        running.until("the alarm is seen", lambda: running.alarmed("database_down"))
        running.watch(1.5, "one call for each server, and no second", lambda: one_more(running, before))
    it_is_back(running)
    assert running.heard("change_settled"), "what nobody knew the end of was looked at"


def one_more(lab: Rig, before: dict[str, int]) -> bool:
    return all(len(server.writes) <= before[name] + 1 for name, server in lab.servers.items())


@pytest.mark.servers
def test_postgresql_is_stopped_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(boot_postgres())
        stack.callback(stop_postgres, server)
        lab = stack.enter_context(rig(tmp_path, monkeypatch, database=new_database(server)))
        lab.start()
        lab.converge()
        with stopped_postgres(server):
            the_database_is_away(lab)
            assert 0 == lab.figure("syncd_database_up")
        it_is_back(lab)


# --- the clock jumps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [2, -2])
def test_the_clock_jumps(running: Rig, hours: int) -> None:
    running.time.jump(hours * HOUR_S)
    polls, runs = len(running.heard("poll_ended")), len(running.heard("run_ended"))
    running.leave("anna")
    running.converge()
    running.until("polls go on", lambda: len(running.heard("poll_ended")) > polls)
    [jump] = running.heard("clock_jumped")
    assert abs(jump["seconds"] - hours * HOUR_S) < 10
    assert 1 == running.figure("syncd_clock_jumps_total")
    sweeps = len(running.heard("sweep_ended"))
    running.until("sweeps go on", lambda: len(running.heard("sweep_ended")) > sweeps + 6)
    running.until("all is quiet", running.quiet)
    assert [] == [f for f in running.heard("run_ended")[runs:] if f["exit_code"]], "no lease was in the way"
    running.see()


def test_an_end_is_kept_although_the_clock_was_wrong_for_a_while(lab: Rig) -> None:
    lab.limits = "floor = 5, share = 1.0"  # what was taken while the clock was wrong counts as of the last hour
    lab.write_config()
    lab.bindings.append(("okta:team", "Op", in_an_hour(lab)))
    lab.write_mapping()
    lab.start()
    lab.converge()
    lab.time.jump(2 * HOUR_S)
    lab.until("the binding is over", lambda: all(not TEAM & server.holders("Op") for server in lab.all))
    lab.time.jump(-2 * HOUR_S)
    lab.converge()
    assert all(TEAM <= server.holders("Op") for server in lab.all)
    lab.until("there is time left", lambda: True)
    lab.it.scheduler.drop("sweep prod")  # only the clock itself is left to end it there
    lab.until("no pass is under way", lambda: not lab.deployment("prod").running)
    lab.time.pass_(HOUR_S + 1)
    lab.until("the binding is over again", lambda: not TEAM & lab.servers["prod"].holders("Op"))
    lab.converge()
    lab.see()


# --- what is around it goes away --------------------------------------------------------------------------------------------


@contextmanager
def silent_receiver() -> Iterator[int]:
    """Listen, take connections, and never say a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def test_a_webhook_that_hangs_is_noticed_by_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_receiver() as hanging, silent_receiver() as closed:
        pass
    with silent_receiver() as hanging:
        hooks = "".join(f'{{url = "http://127.0.0.1:{port}/hook", format = "json"}}, ' for port in (hanging, closed))
        with rig(tmp_path, monkeypatch, extra=f'[notify]\ngather = "0s"\nwebhooks = [{hooks}]\n') as lab:
            lab.start()
            lab.converge()
            with lab.deaf():
                lab.until("the alarm is seen", lambda: lab.alarmed("source_failed", "okta"))
                lab.files["crew"].remove("fay")
                lab.write_people()
                lab.until("work goes on", lambda: all("fay" not in server.holders("Op") for server in lab.all))
            lab.until("the alarm is over", lab.quiet)
            lab.converge()
            lab.see()
            lab.stop()  # waits for nobody who will never answer


def test_the_folder_of_the_control_socket_is_removed(running: Rig) -> None:
    place = running.folder / "run" / "syncd.sock"
    place.parent.mkdir()
    store = running.store
    assert store is not None
    api = app(running.it, store.queries, store.presence, auth=Authenticator(None), emit=running.it.emit)
    server = Server(api, path=place, http=None, emit=running.it.emit)
    server.start()
    shutil.rmtree(place.parent)
    running.leave("anna")
    running.converge()
    running.see()
    server.stop(2.0)


# --- the files go wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.toml", "mappings/all.yaml"])
@pytest.mark.parametrize("how", ["nonsense", "removed"])
def test_files_that_cannot_be_used(running: Rig, name: str, how: str) -> None:
    good = (running.folder / name).read_text()
    if how == "removed":
        (running.folder / name).unlink()
    else:
        running.write(name, good + "\n[: this is neither\n")

    def seen() -> bool:
        running.time.pass_(0.5)
        return running.alarmed("config_invalid")

    running.until("the alarm is seen", seen)
    assert 0 == running.figure("syncd_config_last_reload_successful")
    assert any("the last good ones are" in why for why in running.it.unready())
    running.leave("anna")
    running.converge()
    running.write(name, good)
    running.until("the files are in use", lambda: after(running, lambda: not running.it.unready() and running.quiet()))
    assert 1 == running.figure("syncd_config_last_reload_successful")
    running.leave("bert")
    running.converge()
    running.see()


def after(lab: Rig, condition: Callable[[], bool]) -> bool:
    """Let half a second go by, as the watch over the files wants it, and ask."""
    lab.time.pass_(0.5)
    return condition()


def test_a_deployment_is_taken_out_of_the_configuration_and_put_back(running: Rig) -> None:
    running.servers["prod"].faults.add(DOWN)
    climb(running, "prod")
    running.write_config("lab", "test")
    running.until("it is gone", lambda: after(running, lambda: running.configured() == ("lab", "test")))
    running.until("its last pass is over", lambda: not running.it.queue.look("prod").running)
    running.until("its alarms are gone with it", running.quiet)
    running.until("and since when it failed", lambda: running.store and not running.store.failures.failing())
    assert running.figure("syncd_deployment_failures", deployment="prod") is None
    running.servers["prod"].faults.clear()
    held = running.servers["prod"].holders("team")
    calls = len(running.servers["prod"].calls)
    running.leave("anna")
    running.converge()
    running.watch(1.0, "it is left alone", lambda: len(running.servers["prod"].calls) == calls)
    assert held == running.servers["prod"].holders("team")
    running.write_config()
    running.until("it is back", lambda: after(running, lambda: "prod" in running.configured()))
    running.converge()
    running.until("all is quiet", running.quiet)
    running.see()


@pytest.mark.finding("U-B1a")
def test_an_alarm_about_a_deployment_ends_where_it_was_taken_out_while_nothing_ran(running: Rig) -> None:
    running.servers["prod"].faults.add(DOWN)
    climb(running, "prod")
    store = running.store
    assert store is not None
    running.until("the alarm is kept", lambda: ("quarantined", "prod") in store.presence.alarms())
    assert {"prod"} == store.failures.failing().keys()
    running.stop()
    running.write_config("lab", "test")
    running.start()
    assert running.store is not None
    assert {} == running.store.failures.failing()
    running.until("the alarms of before are known", lambda: running.it.alarms.is_recalled)
    running.until("it is over", running.quiet)


@pytest.mark.finding("U-B1a")
def test_an_alarm_that_a_pass_raises_about_a_deployment_that_was_taken_out_meanwhile_ends(running: Rig) -> None:
    running.write_config("lab", "test")
    running.until("it is gone", lambda: after(running, lambda: running.configured() == ("lab", "test")))
    running.it.alarms.raise_("unreachable", "prod", "as the last pass does, which ends after that")
    running.until("it is over", lambda: not running.alarmed("unreachable", "prod"))


def test_a_deployment_is_taken_out_while_a_pass_hangs_on_it(running: Rig) -> None:
    running.hasty.add("prod")
    running.use_config()
    running.servers["prod"].faults.add(HANG)
    running.until("a pass hangs", lambda: running.deployment("prod").running)
    running.write_config("lab", "test")
    running.until("it is gone", lambda: after(running, lambda: running.configured() == ("lab", "test")))
    running.leave("anna")
    running.converge()
    running.until("its alarms are gone", running.quiet)
    running.servers["prod"].faults.clear()
    running.hasty.clear()
    running.write_config()
    running.until("it is back", lambda: after(running, lambda: "prod" in running.configured()))
    running.converge()
    running.see()


def test_a_source_is_taken_out_of_the_configuration(running: Rig) -> None:
    """Its rules go with it, or the files cannot be used; what it gave is taken, under the guard."""
    config = (running.folder / "config.toml").read_text()
    without = config.replace('[sources.people]\ntype = "file"\ndirectory = "people"\n', "").replace('["people", ', "[")
    running.write("config.toml", without)
    running.until("it is refused", lambda: after(running, lambda: running.alarmed("config_invalid")))
    assert running.is_converged(), "a rule that names a source that is not there takes nothing"
    running.bindings = [binding for binding in running.bindings if binding[0].startswith("okta:")]
    running.write_mapping()
    running.until("it is used", lambda: after(running, lambda: not running.alarmed("config_invalid")))
    running.until("its metrics are gone", lambda: running.figure("syncd_source_up", source="people") is None)
    running.converge()
    running.until("all is quiet", running.quiet)
    running.see()


# --- too much at once -------------------------------------------------------------------------------------------------------


def crowd(number: int) -> list[str]:
    return [f"p{n:02}" for n in range(number)]


def held_there(lab: Rig, name: str) -> int:
    """Count what is held, once what the daemon tells is what the journal has."""
    assert lab.store is not None
    found = lab.store.queries.held(name)
    return len(found.held.changes) if found and found.held.digest == lab.deployment(name).held else 0


def approve_all(lab: Rig, *, by: str = "ann") -> None:
    """Let go what is held, deployment by deployment, as a person does."""
    for name in lab.configured():
        job = lab.it.approve(name, lab.deployment(name).held, by=by)
        assert isinstance(job, Job)
        done = lab.settle(job)
        assert 0 == done.exit_code, done


def test_a_mass_removal_in_small_bites_is_held(lab: Rig) -> None:
    lab.limits = "floor = 2, removals = 12, share = 0.9, gain_share = 1.0"
    lab.write_config()
    lab.join(*crowd(24))
    lab.start()
    lab.converge()
    lab.leave(*crowd(24)[:8])
    lab.converge()
    lab.leave(*crowd(24)[8:16])
    lab.until("it is held", lambda: all(lab.alarmed("held", name) for name in lab.servers))
    lab.watch(1.0, "nobody loses more", lambda: all(len(server.holders("team")) == 22 for server in lab.all))
    lab.leave(*crowd(24)[16:21])
    lab.watch(1.0, "nor do the next", lambda: all(len(server.holders("team")) == 22 for server in lab.all))
    lab.until("they are held too", lambda: all(held_there(lab, name) == 13 for name in lab.servers))
    assert 1 == lab.figure("syncd_deployment_held", deployment="prod")
    approve_all(lab)
    lab.converge()
    lab.until("the alarm is over", lab.quiet)
    assert 0 == lab.figure("syncd_deployment_held", deployment="prod")
    lab.see()


def test_what_is_held_for_the_hour_goes_when_the_hour_is_over(lab: Rig) -> None:
    lab.limits = "floor = 2, removals = 12, share = 0.9, gain_share = 1.0"
    lab.write_config()
    lab.join(*crowd(16))
    lab.start()
    lab.converge()
    lab.leave(*crowd(16)[:8])
    lab.converge()
    lab.leave(*crowd(16)[8:])
    lab.until("it is held", lambda: all(lab.alarmed("held", name) for name in lab.servers))
    lab.time.pass_(HOUR_S)
    lab.converge()
    lab.until("the alarm is over", lab.quiet)
    lab.see()


def test_a_group_that_was_emptied_at_the_provider_is_held(lab: Rig) -> None:
    lab.join(*crowd(12))
    lab.start()
    lab.converge()
    lab.leave(*lab.ids)
    lab.until("it is held", lambda: all(lab.alarmed("held", name) for name in lab.servers))
    lab.watch(1.0, "they keep it", lambda: all(len(server.holders("team")) == 18 for server in lab.all))
    lab.join("dora")
    lab.until("who comes is let in", lambda: all("dora@okta.example" in s.holders("team") for s in lab.all))
    lab.leave("dora")
    with pytest.raises(NotKnown):
        lab.it.approve("prod", "another digest", by="ann")
    lab.until("she goes alone", lambda: all("dora@okta.example" not in s.holders("team") for s in lab.all))
    lab.until("the same is held again", lambda: all(lab.deployment(n).held for n in lab.servers))
    lab.until("it is planned whole", lambda: steady(lab))
    approve_all(lab)
    lab.converge()
    lab.until("the alarm is over", lab.quiet)
    lab.see()
    assert lab.store is not None
    assert {"ann"} == {row.approved_by for row in lab.store.queries.audit(limit=1000) if row.approved}


def steady(lab: Rig) -> bool:
    """Say whether what is held is what the newest plan over everything holds, and that plan was made a moment ago."""
    assert lab.store is not None
    held = {name: lab.store.queries.held(name) for name in lab.servers}
    recently = lab.time.now() - timedelta(hours=1)
    return all(h is not None and h.digest == lab.deployment(n).held and h.made_at > recently for n, h in held.items())


def test_what_was_held_too_long_cannot_be_approved(lab: Rig) -> None:
    lab.join(*crowd(12))
    lab.start()
    lab.converge()
    lab.leave(*lab.ids)
    lab.until("it is held", lambda: all(lab.alarmed("held", name) for name in lab.servers))
    digest = lab.deployment("prod").held
    lab.servers["prod"].faults.add(DOWN)
    climb(lab, "prod")
    lab.time.pass_(25 * HOUR_S)
    with pytest.raises(NotKnown, match="too long ago"):
        lab.it.approve("prod", digest, by="ann")
    lab.servers["prod"].faults.clear()
    lab.join(*(f"{name}.back" for name in crowd(2)))
    lab.until("prod is back", lambda: after(lab, lambda: lab.deployment("prod").standing is DeploymentHealth.OK))
    lab.until("it is planned anew", lambda: steady(lab))
    approve_all(lab)
    lab.converge()
    lab.see()


# --- orders, and the end -------------------------------------------------------------------------------------------------------


def test_orders_while_a_deployment_is_away_end_with_a_sentence(running: Rig) -> None:
    running.servers["prod"].faults.add(DOWN)
    done = running.settle(running.it.reconcile(Order(users=frozenset({"fred"}), by="ann")))
    results = {result.deployment: result for result in done.results}
    assert results["prod"].error
    assert results["prod"].exit_code
    assert {0} == {results[name].exit_code for name in ("lab", "test")}
    running.servers["prod"].faults.clear()
    is_tried_again(running, "prod")
    running.converge()
    running.until("all is quiet", running.quiet)
    running.see()


def test_a_write_that_nobody_announced_would_be_seen(running: Rig) -> None:
    """The rig itself: what every other story relies on."""
    requests.patch(f"{running.urls['lab']}/api/v1/users/fred", json={}, timeout=10)
    assert [("PATCH", "/api/v1/users/fred")] == running.servers["lab"].unannounced
    with pytest.raises(AssertionError, match="written without an intent"):
        running.see()


def test_no_thread_is_left(running: Rig) -> None:
    running.leave("anna")
    running.converge()
    running.see()
    running.stop()
    ours = ("worker", "alarms", "leases", "order")

    def left() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name.startswith(ours) and t.is_alive()]

    until("every thread of ours has ended", lambda: not left(), told=left)


# --- a large apply --------------------------------------------------------------------------------------------------------


@pytest.mark.finding("X-F9")
@pytest.mark.finding("P5")
def test_a_leaver_does_not_wait_for_a_large_apply(running: Rig) -> None:
    prod = running.servers["prod"]
    prod.faults.add(Slow(before_s=SLOWLY_S), on("POST", "*/users"))
    many = [f"j{n:02}" for n in range(60)]
    running.join(*many)
    running.until("the apply is under way", lambda: "j02@okta.example" in prod.holders("team"))
    running.leave("anna", "j58", "j59")
    running.until("anna is out", lambda: "anna@okta.example" not in prod.holders("team"))
    assert "j57@okta.example" not in prod.holders("team"), "not before the apply had ended"
    prod.faults.clear()
    running.until("everybody else is in", lambda: "j57@okta.example" in prod.holders("team"))
    running.converge()
    assert not {"j58@okta.example", "j59@okta.example"} & prod.state.users.keys(), "given to who had left"
    running.until("all is quiet", running.quiet)
    running.see()


@pytest.mark.finding("X-F9")
def test_a_leaver_does_not_wait_for_the_first_apply(lab: Rig) -> None:
    prod = lab.servers["prod"]
    prod.faults.add(Slow(before_s=SLOWLY_S), on("POST", "*/users"))
    lab.join(*(f"j{n:02}" for n in range(60)))
    lab.start()
    lab.until("the apply is under way", lambda: {"anna@okta.example", "j02@okta.example"} <= prod.holders("team"))
    lab.leave("anna")
    lab.until("anna is out", lambda: "anna@okta.example" not in prod.holders("team"))
    assert "j57@okta.example" not in prod.holders("team"), "not before the first apply had ended"
    prod.faults.clear()
    lab.converge()
    lab.see()


# --- orders ---------------------------------------------------------------------------------------------------------------


@pytest.mark.finding("H-E6")
def test_a_leaver_does_not_wait_for_orders(running: Rig) -> None:
    over = threading.Event()

    def order() -> None:
        while not over.wait(0.25):
            running.it.reconcile(Order(dags=frozenset({"x"})))
            running.it.reconcile(Order(users=frozenset({"bert@okta.example"})))

    callers = [threading.Thread(target=order) for _ in range(2)]
    with running.lying("hang"):
        for caller in callers:
            caller.start()
        running.watch(1.0, "they order", lambda: True)
        running.files["crew"].remove("fay")
        running.write_people()
        running.until("fay is out", lambda: all("fay" not in s.holders("team") for s in running.all))
        threads = [t.name for t in threading.enumerate() if t.name.startswith("order")]
        over.set()
        for caller in callers:
            caller.join()
    assert len(threads) < 10, threads
    running.converge()
    running.see()


@pytest.mark.finding("C-47")
def test_an_order_that_no_server_can_carry_out_is_refused_and_costs_nobody_anything(running: Rig) -> None:
    for _ in range(7):
        with pytest.raises(NotMeant, match="corp/eve"):
            running.it.reconcile(Order(users=frozenset({"corp/eve"})))
    assert 0 == running.deployment("prod").failures
    assert not [call for server in running.all for call in server.calls if "eve" in str(call)]
    running.leave("bert")
    running.converge()
    running.see()


@pytest.mark.finding("X-F5")
@pytest.mark.parametrize("name", ["config.toml", "mappings/all.yaml"])
def test_a_restart_while_a_file_cannot_be_used(running: Rig, name: str) -> None:
    good = (running.folder / name).read_text()
    running.stop()
    running.write(name, good + "\n[: this is neither\n")
    running.leave("anna")

    running.start_again()

    assert running.alarmed("config_invalid")
    [why] = [why for why in running.it.unready() if "the last good ones are" in why]
    assert f"{name}:" in why
    running.converge()
    running.write(name, good)
    running.until("the files are in use", lambda: after(running, lambda: not running.it.unready() and running.quiet()))
    running.leave("bert")
    running.converge()
    running.see()


@pytest.mark.finding("X2-F1")
def test_a_line_that_goes_while_a_daemon_starts_gives_nothing(running: Rig) -> None:
    running.stop()

    def a_line_goes() -> None:
        running.bindings.remove(("people:crew", "Op", ""))
        running.write_mapping()

    running.start(meanwhile=a_line_goes)

    running.converge()
    running.see()


@pytest.mark.finding("N-2")
def test_what_a_sweep_notes_is_an_alarm_although_it_changes_nothing(running: Rig) -> None:
    running.servers["prod"].state.add_user("by_hand", password="x", email="gina@okta.example")
    running.join("gina")
    running.until("people are told", lambda: running.alarmed("email_taken", "prod"))
    before = running.deployment("prod").swept_at
    running.until("the next sweep is over", lambda: running.deployment("prod").swept_at != before)
    assert running.alarmed("email_taken", "prod")
    assert any("gina@okta.example" in note for note in running.deployment("prod").notes)
