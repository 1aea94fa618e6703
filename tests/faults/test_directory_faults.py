"""What the daemon does about groups that are not there, or in the way, and at a start without its database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from daemon_rig import Rig, rig

from syncd.errors import StoreError
from syncd.model import Snapshot
from syncd.sources.okta import OktaSource
from syncd.store.readings import DatabaseReadings


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def running(lab: Rig) -> Rig:
    lab.start()
    lab.converge()
    lab.until("all is quiet", lambda: lab.quiet() and not lab.it.unready())
    return lab


def is_out(lab: Rig, name: str) -> bool:
    return all(f"{name}@okta.example" not in server.holders("team") for server in lab.all)


@pytest.mark.finding("H-E3")
def test_a_group_of_the_same_name_stops_nobody(running: Rig) -> None:
    running.okta.org.add_group("team")
    running.leave("anna")
    running.until("anna is out", lambda: is_out(running, "anna"))
    running.converge()


@pytest.mark.finding("I-F1")
def test_a_group_that_is_not_there_is_an_alarm_and_keeps_nobody_who_is_suspended(running: Rig) -> None:
    bindings = list(running.bindings)
    running.bindings.append(("okta:taem", "team", ""))
    running.write_mapping()
    running.until("it is told", lambda: all(running.alarmed("frozen", name) for name in running.servers))
    running.okta.org.set_status(running.ids["anna"], "SUSPENDED")
    running.until("anna is out", lambda: is_out(running, "anna"))
    running.leave("bert")
    running.watch(1.5, "bert keeps it", lambda: not is_out(running, "bert"))
    running.bindings = bindings
    running.write_mapping()
    running.until("bert is out", lambda: is_out(running, "bert"))
    running.until("it is over", lambda: not running.alarmed("frozen"))


@pytest.mark.finding("X-F0")
def test_a_start_while_the_database_is_away_takes_nothing(lab: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source that people log in with is the last one to be read, and nothing says what was known of it."""
    lab.write_config()
    config = (
        (lab.folder / "config.toml")
        .read_text()
        .replace("[deployments.prod]", '[deployments.prod]\nlogin_source = "okta"')
    )
    lab.write("config.toml", config.replace("[sources.people]", "[sources.more]").replace('["people"', '["more"'))
    lab.write("people/all.yaml", _also_in_okta())
    lab.bindings = [("okta:team", "team", ""), ("more:crew", "Op", "")]
    lab.write_mapping()
    lab.start()
    prod = lab.servers["prod"]
    everybody = {f"{name}@okta.example" for name in ("anna", "bert", "cleo")}
    lab.until("all have both", lambda: everybody == prod.holders("team") == prod.holders("Op"))
    lab.stop()

    real, failing = DatabaseReadings.last_snapshot, [True]

    def away(readings: DatabaseReadings, source: str) -> Snapshot | None:
        if failing:
            raise StoreError("it is away")
        return real(readings, source)

    def nobody_loses() -> bool:
        """Say whether all hold everything, and no limit was needed for that."""
        return everybody == prod.holders("team") == prod.holders("Op") and not lab.alarmed("held")

    answers, read = Event(), OktaSource.refresh

    def slow(source: OktaSource, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        assert answers.wait(60)
        return read(source, earlier, cursor)

    monkeypatch.setattr(DatabaseReadings, "last_snapshot", away)
    monkeypatch.setattr(OktaSource, "refresh", slow)
    writes = len(prod.writes)
    lab.start()
    lab.until("it is told", lambda: lab.alarmed("database_down"))
    failing.clear()
    lab.until("the folder is read", lambda: (r := lab.it.cache.reading("more")) is not None and r.fresh)
    lab.time.pass_(11)  # nobody waits for a source for longer
    lab.watch(2.0, "nobody loses anything", nobody_loses)
    answers.set()
    lab.until("okta is read", lambda: not lab.it.cache.is_unread)
    lab.watch(1.5, "nobody loses anything", nobody_loses)
    assert writes == len(prod.writes)


def _also_in_okta() -> str:
    people = "".join(f"  - {{id: {n}, login: {n}, email: {n}@okta.example}}\n" for n in ("anna", "bert", "cleo"))
    return f"people:\n{people}groups:\n  - {{id: crew, name: crew, members: [anna, bert, cleo]}}\n"
