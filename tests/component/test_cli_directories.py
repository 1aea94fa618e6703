"""Okta and Entra ID together, by the command line: one account for one person, ids over names, reads of what changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from directories_world import TOKEN, Company, company

from syncd.cli import run
from syncd.sandbox.entra import LieKind, Rights


@pytest.fixture
def corp(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with company(tmp_path, capsys) as found:
        monkeypatch.setenv("SYNCD_TEST_OKTA", TOKEN)
        monkeypatch.setenv("SYNCD_TEST_ENTRA", found.entra.authority.client.secret)
        monkeypatch.setenv("SYNCD_TEST_AIRFLOW", "admin")
        yield found


def accepted(corp: Company) -> list[dict[str, Any]]:
    """Give what the journal's chain says was accepted."""
    lines = corp.types("audit", "export")[1].splitlines()
    return [said for said in map(json.loads, lines) if said["kind"] == "accepted"]


def test_joiners_movers_and_leavers_have_one_account(corp: Company) -> None:
    corp.applies()
    assert {"analyst", "finance"} == corp.roles("anna")
    assert 2 == len(corp.airflow.state.users), "admin and anna"

    corp.hire("zoe")
    corp.entra.tenant.join(corp.finance, corp.entra_ids["zoe"])
    corp.applies()
    assert {"finance"} == corp.roles("zoe"), "a group of Entra, an account as Okta names it"

    corp.okta.org.leave(corp.analysts, corp.okta_ids["anna"])
    corp.applies()
    assert {"finance"} == corp.roles("anna")

    corp.okta.org.set_status(corp.okta_ids["anna"], "DEPROVISIONED")
    corp.applies()
    assert set() == corp.roles("anna"), "whoever cannot log in has nothing, although Entra still has them in the group"
    assert {"finance"} == corp.roles("zoe")


def test_what_is_no_person_is_counted_in_the_log(corp: Company) -> None:
    corp.entra.tenant.join(corp.finance, corp.entra.tenant.add_thing("device"))
    assert 0 == run(["--config", str(corp.folder / "config.toml"), "--verbose", "apply"])
    said = [json.loads(line) for line in corp.capsys.readouterr().err.splitlines()]
    [read] = [event for event in said if event["event"] == "snapshot_read" and event["source"] == "entra"]
    assert {"device": 1} == read["ignored"]


def test_a_quiet_pass_asks_each_source_three_times_at_most(corp: Company) -> None:
    corp.applies()
    okta, entra = corp.okta.calls(), corp.entra.calls
    out = corp.applies()
    assert (True, True) == (corp.okta.calls() - okta <= 3, corp.entra.calls - entra <= 3)
    assert (True, True) == (corp.okta.calls() > okta, corp.entra.calls > entra)
    assert out.startswith("nothing to do on 1 deployment: prod")

    okta = corp.okta.calls()
    corp.applies("--full")
    assert corp.okta.calls() - okta > 3


def test_a_renamed_group_keeps_its_grants_and_its_old_name_gives_nothing(corp: Company) -> None:
    corp.applies()
    corp.entra.tenant.rename(corp.finance, "Treasury")
    out = corp.applies()
    assert {"analyst", "finance"} == corp.roles("anna")
    assert f'the group with the id {corp.finance} is now called "Treasury", not "Finance"' in out

    corp.entra.tenant.add_group("Finance", [corp.entra_ids["bob"]])
    out = corp.applies("--full")
    assert ({"analyst", "finance"}, set()) == (corp.roles("anna"), corp.roles("bob"))
    assert "gives nothing" in out


def test_a_group_that_was_made_anew_inherits_only_when_a_person_says_so(corp: Company) -> None:
    corp.applies()
    tenant = corp.entra.tenant
    tenant.delete_group(corp.finance)
    anew = tenant.add_group("Finance", [corp.entra_ids["bob"]])
    out = corp.applies("--full")
    assert ({"analyst", "finance"}, set()) == (corp.roles("anna"), corp.roles("bob")), "nothing given, nothing taken"
    assert f"entra:Finance meant the group {corp.finance}, which is gone; {anew} has the name now" in out
    assert 'syncd accept-group entra "Finance"' in out

    code, out, _ = corp.types("accept-group", "entra", "Finance")
    assert (0, True) == (
        code,
        out.startswith(f"entra:Finance means the group {anew} from now on, and not {corp.finance}"),
    )
    assert [("group", "Finance", anew, corp.finance)] == [
        (said["what"], said["name"], said["means"], said["was"]) for said in accepted(corp)
    ]
    corp.applies()
    assert ({"analyst"}, {"finance"}) == (corp.roles("anna"), corp.roles("bob"))


@pytest.mark.finding("X-F7")
def test_accepting_looks_now_and_does_not_accept_what_is_meant_already(corp: Company) -> None:
    corp.applies()
    code, _, err = corp.types("accept-group", "entra", "Finance")
    assert (3, True) == (code, f"entra:Finance means the group {corp.finance} already" in err)
    tenant = corp.entra.tenant
    tenant.delete_group(corp.finance)
    anew = tenant.add_group("Finance", [corp.entra_ids["bob"]])  # no pass has read it yet
    code, out, _ = corp.types("accept-group", "entra", "Finance")
    assert (0, True) == (code, out.startswith(f"entra:Finance means the group {anew} from now on"))


@pytest.mark.finding("N-1")
def test_accepting_finds_out_that_the_one_before_was_deleted(corp: Company) -> None:
    """What Okta says of changes does not show that a group was deleted: the old one still bears the name there."""
    corp.applies()
    name = corp.okta.org.teams[corp.analysts].name
    corp.okta.org.delete_group(corp.analysts)
    anew = corp.okta.org.add_group(name, [corp.okta_ids["bob"]])
    code, out, err = corp.types("accept-group", "okta", name)
    assert (0, True) == (code, out.startswith(f"okta:{name} means the group {anew} from now on")), err


@pytest.mark.parametrize(("source", "name"), [("entra", "Nobody"), ("ldap", "Finance")])
def test_only_a_group_that_was_read_can_be_accepted(corp: Company, source: str, name: str) -> None:
    corp.applies()
    code, _, err = corp.types("accept-group", source, name)
    assert (3, True) == (code, err.startswith("accept-group: "))


def test_what_an_uncertified_read_may_not_take_is_told_with_its_age(corp: Company) -> None:
    corp.applies()
    corp.entra.tenant.leave(corp.finance, corp.entra_ids["anna"])
    corp.entra.lie(LieKind.WRONG_COUNT, path="/members", at=1, times=1000)

    code, out, _ = corp.types("apply")

    assert (5, {"analyst", "finance"}) == (code, corp.roles("anna"))
    [note] = [line for line in out.splitlines() if "may keep" in line]
    assert "entra:Finance was not read whole since" in note
    assert "entra:anna.x@contoso.example may keep finance only because of that" in note
    code, out, _ = corp.types("status", "-o", "json")
    [group] = json.loads(out)["uncertified_groups"]
    assert (0, "Finance", "0 min") == (code, group["group"], group["for"])
    assert "  entra:Finance: for 0 min, since " in corp.types("status", "--offline")[1]


@pytest.mark.finding("C-20")
def test_a_first_read_that_was_not_whole_is_told_and_ends_as_a_source_that_failed(corp: Company) -> None:
    corp.entra.lie(LieKind.WRONG_COUNT, path="/members", at=1, times=1000)
    for _ in range(2):
        code, out, _ = corp.types("apply", "-o", "json")
        [notes] = [deployment["plan"]["notes"] for deployment in json.loads(out)["deployments"]]
        assert (5, ["group_uncertified"]) == (code, [note["code"] for note in notes])
        assert "entra:Finance was not read whole" in notes[0]["text"]
        assert "1 members were seen" in notes[0]["text"]
    assert {"analyst", "finance"} == corp.roles("anna")
    assert 5 == corp.types("plan")[0]


def test_a_source_that_fails_is_told_with_its_age_and_takes_nothing(
    corp: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.applies()
    monkeypatch.setenv("SYNCD_TEST_OKTA", "wrong")
    assert 5 == corp.types("apply")[0]
    assert {"analyst", "finance"} == corp.roles("anna")
    code, out, _ = corp.types("status", "--offline", "-o", "json")
    [source] = json.loads(out)["failed_sources"]
    assert (0, "okta", "0 min") == (code, source["source"], source["for"])
    monkeypatch.setenv("SYNCD_TEST_OKTA", TOKEN)
    corp.applies()
    assert [] == json.loads(corp.types("status", "--offline", "-o", "json")[1])["failed_sources"]


def test_checking_asks_no_server(corp: Company) -> None:
    corp.types("check")
    assert (0, 0, []) == (corp.okta.calls(), corp.entra.calls, corp.airflow.calls)


@pytest.mark.finding("X-F1")
def test_checking_advises_a_login_source_where_sources_are_joined(corp: Company) -> None:
    assert "login_source" not in corp.types("check")[1]
    config = corp.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('login_source = "okta"\n', ""), encoding="utf-8")
    code, out, _ = corp.types("check")
    assert (0, True) == (code, "note: prod: no login_source is set, and okta, entra are joined" in out)


# --- doctor -----------------------------------------------------------------------------------------------------------


def examined(corp: Company) -> tuple[int, dict[tuple[str, str], tuple[bool | None, str]]]:
    code, out, err = corp.types("doctor", "-o", "json")
    assert "" == err
    return code, {(f["subject"], f["check"]): (f["ok"], f["detail"]) for f in json.loads(out)["findings"]}


def test_doctor_when_all_is_well(corp: Company) -> None:
    code, found = examined(corp)
    assert 0 == code, found
    assert not [f for f in found.items() if f[1][0] is False]
    for subject in ("source okta", "source entra", "deployment prod"):
        assert {True} == {
            found[subject, check][0] for check in ("reachable", "credential", "rights", "clock", "abilities")
        }
    assert {("database", "reachable"), ("mapping", "valid")} <= found.keys()
    assert found["source okta", "no more rights"][0] is None, "nobody can see what an API token may"
    assert (None, True) == (
        found["deployment prod", "no more rights"][0],
        "Admin" in found["deployment prod", "no more rights"][1],
    )
    assert "AUTH_ROLES_SYNC_AT_LOGIN" in found["deployment prod", "login sync"][1]
    lines = corp.types("doctor")[1].splitlines()
    assert len(found) == len(lines)


@pytest.mark.finding("I-F1")
def test_doctor_tells_of_roles_that_nobody_loses_because_a_group_is_not_there(corp: Company) -> None:
    assert examined(corp)[1]["mapping", "frozen"][0] is None, "nothing was read yet"
    corp.applies()
    assert examined(corp)[1]["mapping", "frozen"][0] is True
    mapping = corp.folder / "mappings" / "all.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("entra:Finance", "entra:Finanse"), encoding="utf-8")
    code, found = examined(corp)
    assert (1, False) == (code, found["mapping", "frozen"][0])
    assert found["mapping", "frozen"][1].startswith("finance on prod: there is no group entra:Finanse")


def test_doctor_names_what_is_refused(corp: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNCD_TEST_OKTA", "SYNCD_TEST_ENTRA", "SYNCD_TEST_AIRFLOW"):
        monkeypatch.setenv(name, "wrong")
    code, found = examined(corp)
    assert 1 == code
    for subject in ("source okta", "source entra", "deployment prod"):
        assert found[subject, "credential"][0] is False


def test_doctor_names_what_is_out_of_reach(corp: Company) -> None:
    config = corp.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(corp.okta.url, "http://127.0.0.1:9"), encoding="utf-8")
    code, found = examined(corp)
    assert (5, False) == (code, found["source okta", "reachable"][0])


def test_doctor_sees_a_wrong_clock_and_a_missing_right(corp: Company) -> None:
    corp.okta.org.clock.move(-600)
    corp.entra.graph.rights = Rights(users=False)
    code, found = examined(corp)
    assert 1 == code
    assert (False, True) == (found["source okta", "clock"][0], "s behind ours" in found["source okta", "clock"][1])
    assert found["source entra", "rights"][0] is False


def test_employee_numbers_join_where_the_configuration_says_so(corp: Company) -> None:
    config = corp.folder / "config.toml"
    config.write_text('[join]\nkey = "employee_number"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
    out = corp.applies()
    assert ({"analyst"}, True) == (corp.roles("anna"), "no_login_identity" in json.dumps(corp.plans()))
    assert "entra:anna.x@contoso.example get nothing" in out

    corp.okta.org.set_profile(corp.okta_ids["anna"], employeeNumber="0815")
    corp.entra.tenant.change_user(corp.entra_ids["anna"], employeeId="0815")
    out = corp.applies()
    assert ({"analyst"}, True) == (corp.roles("anna"), "have one employee number now and had not before" in out)
    code, out, _ = corp.types("accept-person", "--all")
    assert (0, True) == (code, "are one person from now on" in out)
    corp.applies()
    assert {"analyst", "finance"} == corp.roles("anna")


def test_a_person_is_explained_by_the_name_of_any_account(corp: Company) -> None:
    corp.applies()
    code, out, _ = corp.types("explain", "--fresh", "anna.x@contoso.example")
    assert 0 == code
    assert f"okta_{corp.okta_ids['anna']}" in out
    assert ("okta:airflow-analysts" in out, "entra:Finance" in out) == (True, True)


@pytest.mark.finding("C-11")
def test_nobody_gets_the_groups_of_another_by_taking_their_email(corp: Company) -> None:
    """Okta's bob takes the address of somebody who is in Entra alone."""
    ada = corp.entra.tenant.add_user("ada.x", mail="ada.boss@elsewhere.example")
    corp.entra.tenant.join(corp.finance, ada)
    corp.applies()
    corp.okta.org.set_profile(corp.okta_ids["bob"], email="ada.boss@elsewhere.example")
    out = corp.applies()
    assert set() == corp.roles("bob")
    accounts = f"okta:{corp.okta_ids['bob']} entra:{ada}"
    assert f"syncd accept-person {accounts}" in out
    code, _, err = corp.types("accept-person", "okta:bob@corp.example", f"entra:{corp.entra_ids['bob']}")
    assert (3, True) == (code, f"these do: {accounts}" in err)
    assert 3 == corp.types("accept-person")[0]

    code, out, _ = corp.types("accept-person", "okta:bob@corp.example", f"entra:{ada}")
    assert (0, True) == (code, "are one person from now on" in out)
    assert [sorted(accounts.split())] == [said["accounts"] for said in accepted(corp)]
    corp.applies()
    assert {"finance"} == corp.roles("bob")
    assert (0, True) == (
        corp.types("accept-person", "--all")[0],
        "no accounts wait" in corp.types("accept-person", "--all")[1],
    )
