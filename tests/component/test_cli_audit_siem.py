"""`audit export` for a SIEM: events of OCSF and documents of ECS, from where one left off, and as they come."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from store_samples import NOW, at, created, left, made, moved, opened, plan_of, planned, role
from test_cli_audit_export import CONFIG

from syncd.cli import run
from syncd.model import EVERYTHING, Change, Outcome, Reason, Status, Why
from syncd.store import Stores, chain

WHY = Why("", "Viewer", reasons=(Reason("okta", "00g1", "finance", "mappings/finance.yaml:12"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Stores]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as opened_:
        yield opened_


@pytest.fixture
def shell(store: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def types(*words: str) -> list[dict[str, Any]]:
        assert 0 == run(["--config", str(tmp_path / "config.toml"), "audit", "export", *words])
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return types


def story(store: Stores) -> None:
    """A person who joins by a line, moves, and leaves; a role that failed; a plan that a person let pass."""
    joins = Change(None, created("anna", "Viewer").after, (WHY,))
    made(store, joins)
    made(store, moved("anna", {"Viewer"}, {"Op"}), now=at(1))
    made(store, left("anna", "Op"), now=at(2))
    made(store, Change(None, role("team", "DAGs")), Status.FAILED, now=at(3))
    run_ = store.ledger.start_run("approve", scope=EVERYTHING, now=at(4), by="bea: ticket 12")
    store.ledger.record_plan(run_, plan_of(), held=None, approved="abcdef", now=at(4))


REQUIRED = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
"""Of the base class of OCSF 1.3, and below what each class wants beside it (schema.ocsf.io/1.3.0/classes)."""
WANTED = {0: set(), 3001: {"user"}, 3004: {"entity"}, 3005: {"user"}}
ACTIVITIES = {0: {99}, 3001: {1, 6}, 3004: {1, 3, 4}, 3005: {1, 2}}


def test_each_change_is_the_events_of_ocsf_that_it_means(store: Stores, shell: Any) -> None:
    story(store)
    events = shell("--as", "ocsf")
    for event in events:
        class_ = event["class_uid"]
        assert REQUIRED | WANTED[class_] <= event.keys()
        assert event["activity_id"] in ACTIVITIES[class_]
        assert (class_ * 100 + event["activity_id"], 3 if class_ else 0) == (event["type_uid"], event["category_uid"])
        assert {"name", "vendor_name"} <= event["metadata"]["product"].keys()
    told = [(e["class_uid"], e["activity_name"], e.get("privileges"), e["status"]) for e in events if e["class_uid"]]
    assert [
        (3001, "Create", None, "Success"),
        (3005, "Assign Privileges", ["Viewer"], "Success"),
        (3005, "Assign Privileges", ["Op"], "Success"),
        (3005, "Revoke Privileges", ["Viewer"], "Success"),
        (3001, "Delete", None, "Success"),
        (3005, "Revoke Privileges", ["Op"], "Success"),
        (3004, "Create", None, "Failure"),
    ] == told
    assert len({e["metadata"]["uid"] for e in events}) == len(events)
    assert [*range(1, 14)] == sorted({e["metadata"]["sequence"] for e in events}), "no record is left out"


def test_an_event_says_why_and_who_let_it_pass(store: Stores, shell: Any) -> None:
    story(store)
    first = next(e for e in shell("--as", "ocsf") if e["class_uid"] == 3005)
    assert 1772366400000 == first["time"]
    assert "anna" == first["user"]["name"]
    assert {"name": "prod", "type": "Airflow deployment"} == first["resource"]
    assert "mappings/finance.yaml:12" in json.dumps(first["unmapped"]["because"])
    assert {"plan", "run", "command", "host", "prev"} <= first["unmapped"].keys()
    approval = shell("--as", "ocsf")[-1]
    assert ("abcdef", "bea: ticket 12") == (approval["unmapped"]["approved"], approval["unmapped"]["approved_by"])


def test_each_record_is_one_document_of_ecs(store: Stores, shell: Any) -> None:
    story(store)
    documents = shell("--as", "ecs")
    assert [*range(1, 14)] == [d["event"]["sequence"] for d in documents]
    assert {("event", "iam", "8.11.0")} == {
        (d["event"]["kind"], *d["event"]["category"], d["ecs"]["version"]) for d in documents
    }
    # www.elastic.co/guide/en/ecs/8.11/ecs-allowed-values-event-category.html: what `iam` may be combined with
    allowed = {"admin", "change", "creation", "deletion", "group", "info", "user"}
    assert all(allowed >= set(d["event"]["type"]) for d in documents)
    ends = [d for d in documents if d["event"]["type"] != ["info"]]
    assert ["user-create", "user-update", "user-delete", "role-create"] == [d["event"]["action"] for d in ends]
    assert ["success", "success", "success", "failure"] == [d["event"]["outcome"] for d in ends]
    assert {"name": "anna", "roles": ["Op", "Viewer"]} == ends[1]["user"]["target"]
    assert "prod" == ends[0]["labels"]["deployment"]
    assert "2026-03-01T12:00:00+00:00" == ends[0]["@timestamp"]


def test_an_end_that_a_look_found_later_is_told_as_well(store: Stores, shell: Any) -> None:
    number = made(store, created("anna", "Viewer"), Status.UNKNOWN)
    store.ledger.settle(number, Status.APPLIED, "found by looking", now=at(1))
    told = [(e["status"], e.get("status_detail")) for e in shell("--as", "ocsf") if e["class_uid"] == 3001]
    assert [("Unknown", "as told"), ("Success", "found by looking")] == told


def test_what_others_append_is_told_though_nobody_here_knows_it(store: Stores, shell: Any) -> None:
    facts = {"by": "bea", "reason": "maintenance", "deployment": "prod"}
    store.database.commit(lambda c: chain.append(c, "pause", now=NOW, facts=facts))
    [event] = shell("--as", "ocsf")
    assert (0, 99, "pause prod", "bea") == (
        event["class_uid"],
        event["activity_id"],
        event["message"],
        event["actor"]["user"]["name"],
    )
    [document] = shell("--as", "ecs")
    assert ("pause", "maintenance") == (document["event"]["action"], document["syncd"]["reason"])


def test_a_change_that_was_made_before_there_was_a_chain_stands_for_itself() -> None:
    from syncd.render.ocsf import ocsf_lines
    from syncd.render.told import ToldRecord

    facts = {
        "seq": 1,
        "kind": "earlier",
        "at": NOW.isoformat(),
        "about": ["change", 1],
        "status": "applied",
        "subject": "user",
        "change": "delete",
        "name": "anna",
        "deployment": "prod",
        "by": "root",
        "plan": 1,
    }
    [event] = map(json.loads, ocsf_lines(ToldRecord(facts, facts, {})))
    assert ("Delete", "Success", "root") == (event["activity_name"], event["status"], event["actor"]["user"]["name"])


# --- from where one left off, and as they come --------------------------------------------------------------------------


def test_a_cursor_goes_on_where_it_was(store: Stores, shell: Any, tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    made(store, created("anna", "Viewer"))
    assert [1, 2, 3] == [record["seq"] for record in shell("--cursor", cursor)]
    assert [] == shell("--cursor", cursor)
    made(store, created("bob", "Viewer"))
    assert [4, 5, 6] == [record["seq"] for record in shell("--cursor", cursor)]
    assert [6] == [record["seq"] for record in shell("--after", "5")]


@pytest.mark.parametrize("content", ["x", "-1", "9" * 100])
def test_what_is_no_cursor_is_one_sentence(
    store: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    cursor = tmp_path / "cursor"
    cursor.write_text(content, encoding="ascii")
    assert 3 == run(["--config", str(tmp_path / "config.toml"), "audit", "export", "--cursor", str(cursor)])
    assert capsys.readouterr().err.startswith(f"syncd: {cursor}: ")


def test_what_is_new_is_followed(store: Stores, tmp_path: Path) -> None:
    made(store, created("anna", "Viewer"))
    command = [sys.executable, "-m", "syncd", "--config", str(tmp_path / "config.toml"), "audit", "export", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout
        assert [1, 2, 3] == [json.loads(following.stdout.readline())["seq"] for _ in range(3)]
        bob = created("bob", "Viewer")
        entry = opened(store, planned(store, bob), bob)
        entry.conclude(Outcome(bob, Status.APPLIED), now=NOW)
        assert [4, 5, 6] == [json.loads(following.stdout.readline())["seq"] for _ in range(3)]
        following.terminate()


def test_a_line_says_what_the_record_says_and_is_not_written_anew(shell: Any, store: Stores) -> None:
    """What is in the record is taken as it stands; beside it stands what its intent and its plan say, once."""
    story(store)
    told = store.records.told(after=0)
    for form, name in (("ocsf", "unmapped"), ("ecs", "syncd")):
        lines = shell("--as", form)
        assert lines
        for line in lines:
            seq = line["metadata"]["sequence"] if form == "ocsf" else line["event"]["sequence"]
            assert told[seq - 1].facts == line[name]
