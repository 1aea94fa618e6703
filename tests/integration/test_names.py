"""Names that some databases take for one, from mapping file to server, on each kind of database below an Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from site_fleet import Fleet
from sites import StandInSite

from syncd.sandbox.airflow import StandIn, serve
from syncd.sandbox.airflow.collation import Names

MAPPING = "roles: {fin: {dags: [{level: view, id: 'fin*'}]}}\nbindings: [{group: 'people:fin', roles: [fin], deployments: all}]\n"
DATABASES = ("sqlite", "postgresql", "mysql")


@contextmanager
def told(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, extra: str = ""
) -> Iterator[tuple[StandIn, Fleet]]:
    server = StandIn("3.3.2", names=names)
    with serve(server) as url:
        site = StandInSite("site", server, url)
        fleet = Fleet(tmp_path, {"site": site}, monkeypatch, username="{login}", groups={"fin": []}, extra=extra)
        yield server, fleet


def add(server: StandIn, name: str, *roles: str) -> None:
    server.state.add_user(name, password="", first_name="X", last_name="Y", roles=set(roles))


def roles_of(server: StandIn, name: str) -> set[str]:
    return next(a.roles for a in server.state.users.values() if a.username == name)


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
@pytest.mark.parametrize("names", DATABASES)
@pytest.mark.parametrize(
    ("account", "person"),
    [("straße", "strasse"), ("ﬁona", "fiona"), ("ſam", "sam"), ("Ärger", "ärger"), ("bóss", "boss")],
)
def test_somebody_elses_account_is_not_taken_for_a_persons(
    names: Names, account: str, person: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(names, tmp_path, monkeypatch) as (server, fleet):
        add(server, account, "Viewer")
        fleet.add_person(person, "fin")
        fleet.add_person("anna", "fin")
        fleet.write(mapping=MAPPING)
        for command in ("plan", "apply"):
            ran = fleet.run(command)
            assert 1 == ran.code, ran.out + ran.err
            assert f'"{person}" is not touched: the server has the account {account}' in ran.out
        assert ({"Viewer"}, {"fin"}) == (roles_of(server, account), roles_of(server, "anna"))
        assert 3 == len(server.state.users)


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
@pytest.mark.parametrize("names", ["sqlite", "postgresql"])
def test_a_leaver_keeps_nothing_by_an_account_that_resembles_theirs(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(names, tmp_path, monkeypatch) as (server, fleet):
        fleet.add_person("strasse", "fin")
        fleet.write(mapping=MAPPING)
        fleet.apply()
        add(server, "straße", "Viewer")
        fleet.groups["fin"] = []
        fleet.write(mapping=MAPPING)
        fleet.apply()
        assert (set(), {"Viewer"}) == (roles_of(server, "strasse"), roles_of(server, "straße"))


@pytest.mark.finding("A-F1")
@pytest.mark.parametrize("names", DATABASES)
@pytest.mark.parametrize("protected", ["boss", "BOSS", "bóss"])
def test_a_protected_account_is_not_given_what_another_name_wants(
    names: Names, protected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(names, tmp_path, monkeypatch, extra=f'protected = ["{protected}"]') as (server, fleet):
        add(server, "boss", "Admin")
        fleet.add_person("bóss", "fin")
        fleet.write(mapping=MAPPING)
        fleet.run("apply")
        fleet.run("reconcile", "--user", "bóss", "--wait")
        assert {"Admin"} == roles_of(server, "boss")
        assert not [call for call in server.calls if call.method == "PATCH" and "/users" in call.path]


@pytest.mark.finding("P1")
@pytest.mark.finding("C-26")
@pytest.mark.parametrize("names", DATABASES)
@pytest.mark.parametrize("by_hand", ["Fin", "FIN", "fín"])
def test_a_role_made_by_hand_is_not_replaced_by_one_of_a_name_like_it(
    names: Names, by_hand: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(names, tmp_path, monkeypatch) as (server, fleet):
        before = set(server.state.roles["Viewer"])
        server.state.roles[by_hand] = set(before)
        add(server, "handy", by_hand)
        fleet.add_person("anna", "fin")
        fleet.write(mapping=MAPPING)
        ran = fleet.run("apply")
        assert 1 == ran.code, ran.out + ran.err
        assert f"role fin is not made and given to nobody: the server has the role {by_hand}" in ran.out
        assert (before, {by_hand}) == (server.state.roles[by_hand], roles_of(server, "handy"))
        assert all(by_hand not in a.roles for a in server.state.users.values() if a.username != "handy")
