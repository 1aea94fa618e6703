"""Questions that are answered without asking anybody: `who`, `explain`, `snapshot export`."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_cli_commands import Desk

from syncd.model import EVERYTHING, Change, Dag, Held, LastSeen, Plan, Sighting, User
from syncd.sandbox.airflow import StandIn, serve
from syncd.store import Stores
from syncd.store.looks import DatabaseLooks

MORE = ("other", "lacks", "never")
AUTH = 'auth = {kind = "basic", username = "a", password = {env = "NOWHERE"}}\n'


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    with serve(StandIn("3.3.2")) as url:
        yield url


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    airflow: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """A desk whose deployment was brought to what the mapping says, and cannot be reached any more."""
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / request.node.name.removeprefix("test_").replace("_", "-")[:24]
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    assert 0 == desk.types("apply")[0]
    monkeypatch.delenv("SYNCD_DEV_PASSWORD")
    return desk


def test_who_has_a_role_is_told_with_the_lines_that_give_it(desk: Desk) -> None:
    desk.members("user1", "user2", "new")

    code, out, err = desk.types("who", "--role", desk.team)

    assert (0, "") == (code, err)
    lines = out.splitlines()
    assert f"who has {desk.team}: 8 accounts on 1 deployment" == lines[0]
    assert "dev: 8 accounts (2 by mapping lines, 1 coming, 6 going)" == lines[1]
    assert [
        "  by mapping lines",
        f"    role {desk.team}: {desk.team}.user1, {desk.team}.user2",
        "      because people:team (mappings/access.yaml:12)",
        "  coming with the next apply",
        f"    role {desk.team}: {desk.team}.new",
        "      because people:team (mappings/access.yaml:12)",
        "  given by syncd, no line gives it any more: going with the next apply",
    ] == lines[2:9]
    assert lines[-1].startswith("as seen just now (")


def test_who_may_do_something_with_a_dag_in_every_way(desk: Desk) -> None:
    dag = json.loads(desk.types("who", "--role", "Admin", "-o", "json")[1])
    assert [("admin", "built_in", "other")] == [
        (way["account"], way["role_kind"], way["by"]) for way in dag["ways"] if way["account"] == "admin"
    ]
    [some] = {way["level"] for way in dag["ways"]}
    assert some is None


def test_the_rows_of_who_are_all_there_as_csv(desk: Desk) -> None:
    code, out, _ = desk.types("who", "--role", desk.team, "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))

    assert (0, 8) == (code, len(rows))
    assert f"{desk.team}.user0" in {row["account"] for row in rows}
    assert {("dev", desk.team, "mapping", "people:team (mappings/access.yaml:12)")} == {
        (row["deployment"], row["role"], row["by"], row["lines"]) for row in rows
    }


def test_what_nobody_knows_is_told_with_what_was_meant(desk: Desk) -> None:
    code, out, err = desk.types("who", "--role", "Admn")
    assert (3, "") == (code, out)
    assert 'no deployment has a role "Admn" (as they were seen last); did you mean "Admin"?' in err
    login, lacks = f"{desk.team}.user0", ("explain", f"{desk.team}.user0", "--why-not")
    for words in (("explain", login), ("who", "--can", "view"), (*lacks, "--can", "view")):
        assert (3, "") == desk.types(*words, "--dag", "nope")[:2]
    assert (3, "") == desk.types(*lacks, "--role", "Admn")[:2]
    assert 3 == desk.types("who")[0]
    assert 3 == desk.types("who", "--role", "Admin", "--can", "edit")[0]


@pytest.mark.parametrize("words", [(), ("--why-not", "--role", "Viewer"), ("-o", "json")])
def test_whom_nobody_knows_is_one_error_with_what_was_meant(desk: Desk, words: tuple[str, ...]) -> None:
    code, out, err = desk.types("explain", f"{desk.team}.user9", *words)
    assert (3, "", 1) == (code, out, err.count("\n"))
    assert f'no source knows {desk.team}.user9; did you mean "{desk.team}.user' in err


def test_an_account_that_no_source_knows_is_explained(desk: Desk) -> None:
    assert (0, "") == desk.types("explain", "admin")[::2]


def test_rows_have_a_head_where_there_are_none(desk: Desk) -> None:
    some = list(csv.reader(io.StringIO(desk.types("who", "--role", desk.team, "-o", "csv")[1])))
    none = list(csv.reader(io.StringIO(desk.types("who", "--role", "Public", "-o", "csv")[1])))
    assert [some[0]] == none
    for words in (("audit", "--holders", "--role", "Public"), ("who", "--role", "Public", "--at", "2999-01-01")):
        assert 1 == len(desk.types(*words, "-o", "csv")[1].splitlines())


def test_a_person_is_explained_without_asking_anybody(desk: Desk) -> None:
    login, email = f"{desk.team}.user0", f"user0@{desk.team}.example.com"
    code, out, err = desk.types("explain", login)
    assert (0, "") == (code, err)
    assert [
        f"people:{login}: {email}",
        f"dev: account {login} ({email})",
        f"  has {desk.team}",
        "    because people:team (mappings/access.yaml:12)",
    ] == out.splitlines()[:4]

    desk.members("user1")
    assert f"  has {desk.team}: no mapping line gives it; the next apply takes it\n" in desk.types("explain", login)[1]
    assert "  has Admin: not by syncd; left alone" in desk.types("explain", "admin")[1]
    [way] = json.loads(desk.types("explain", login, "-o", "json")[1])["ways"]
    assert ("going", desk.team) == (way["by"], way["role"])


def test_who_answers_for_a_role_is_told_with_it(desk: Desk) -> None:
    mapping = desk.folder / "mappings" / "access.yaml"
    text = mapping.read_text()
    start = f"  {desk.team}:\n"
    assert start in text
    mapping.write_text(text.replace(start, f"{start}    owner: {desk.team}-data@example.com\n", 1))

    out = desk.types("explain", f"{desk.team}.user0")[1]

    assert f"    owner of the role: {desk.team}-data@example.com" in out.splitlines()


def test_what_was_never_looked_at_is_told(desk: Desk) -> None:
    (desk.folder / "syncd.db").unlink()
    for extra in ("syncd.db-wal", "syncd.db-shm"):
        (desk.folder / extra).unlink(missing_ok=True)

    code, out, _ = desk.types("explain", f"{desk.team}.user0")

    assert 5 == code
    assert "dev: never looked at, so what is there is not known\n" in out
    assert f"  is to have {desk.team}\n    because people:team (mappings/access.yaml:12)\n" in out
    assert out.endswith("never looked at: dev; `syncd plan` looks\n")


def test_a_moment_in_the_past_is_answered_from_the_history(desk: Desk) -> None:
    code, out, err = desk.types("who", "--role", desk.team, "--at", "2020-01-01")
    assert (3, "") == (code, out)
    assert "nothing is known of 2020-01-01 00:00:00 UTC: the journal begins at " in err
    code, out, _ = desk.types("who", "--role", desk.team, "--at", "2999-01-01")
    assert (0, True) == (code, out.startswith("at 2999-01-01 00:00:00 UTC: 8 roles were held that syncd gave\n"))
    assert 1 == len(json.loads(desk.types("explain", f"{desk.team}.user0", "--at", "2999-01-01", "-o", "json")[1]))
    assert 3 == desk.types("who", "--dag", "x", "--at", "2999-01-01")[0]


# --- a snapshot -------------------------------------------------------------------------------------------------------


def test_a_file_answers_as_the_database_does(desk: Desk) -> None:
    file = desk.folder / "known.json.gz"
    code, out, _ = desk.types("snapshot", "export", str(file))
    assert (0, True) == (code, out.startswith(f"{file}: 8 people, 1 of 1 deployment, "))
    assert 0o600 == file.stat().st_mode & 0o777

    for words in (("who", "--role", desk.team), ("explain", f"{desk.team}.user0")):
        assert ways(desk, *words) == ways(desk, *words, "--snapshot", str(file))


@pytest.mark.parametrize("dag", ["both", "one", "none"])
def test_what_a_question_is_not_about_is_told_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, dag: str
) -> None:
    """Of deployments without the DAG nothing but their DAGs is read, and the answer is that of a file in which all stands."""
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        seen = store.looks.last("dev")
        assert seen is not None
        for name, dags in (("dev", ("both", "one")), ("other", ("both",)), ("lacks", ())):
            look = Sighting(seen.at, seen.observed(), seen.learned, None, tuple(map(Dag, dags)))
            store.looks.keep(name, look)
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    more = (f'[deployments.{name}]\nurl = "http://127.0.0.1:{n}"\n{AUTH}' for n, name in enumerate(MORE, start=1))
    desk.write("config.toml", "\n".join([config, *more]))
    file = str(desk.folder / "all.json.gz")
    assert 0 == desk.types("snapshot", "export", file)[0]
    read: list[str] = []
    last = DatabaseLooks.last

    def noticed(looks: DatabaseLooks, name: str) -> LastSeen | None:
        read.append(name)
        return last(looks, name)

    monkeypatch.setattr(DatabaseLooks, "last", noticed)
    code, out, err = desk.types("who", "--dag", dag, "-o", "json")

    assert {"both": ["dev", "other"], "one": ["dev"], "none": []}[dag] == sorted(read)
    assert (5, dag == "none") == (code, "never looked at: never" in err)
    from_file = desk.types("who", "--dag", dag, "-o", "json", "--snapshot", file)
    assert (code, err) == (from_file[0], from_file[2])
    assert without_age(out) == without_age(from_file[1])
    text = desk.types("who", "--dag", dag)[1].splitlines()
    assert text[:-2] == desk.types("who", "--dag", dag, "--snapshot", file)[1].splitlines()[:-2]


def without_age(out: str) -> object:
    """Leave out when files of people were read: those are read now."""
    return {name: said for name, said in json.loads(out or "{}").items() if name != "sources_read_at"}


@pytest.mark.parametrize("name", ["", "nowhere/known.gz", "config.toml/known.gz", "x" * 300, "mappings"])
def test_where_no_file_can_be_written_is_one_error(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(desk.folder)
    before = sorted(path.name for path in desk.folder.iterdir())

    code, out, err = desk.types("snapshot", "export", name)

    assert (3, "", 1) == (code, out, err.count("\n"))
    assert "it cannot be written: " in err
    assert before == sorted(path.name for path in desk.folder.iterdir())


def ways(desk: Desk, *words: str) -> object:
    return json.loads(desk.types(*words, "-o", "json")[1])["ways"]


def test_people_can_be_written_under_other_words(desk: Desk) -> None:
    file = desk.folder / "known.json.gz"
    desk.types("snapshot", "export", str(file), "--pseudonyms")

    text = gzip.decompress(file.read_bytes()).decode()
    assert "user0" not in text
    assert f"@{desk.team}.example.com" in text, "conditions ask for domains"
    found = json.loads(desk.types("who", "--role", desk.team, "--snapshot", str(file), "-o", "json")[1])
    assert {"people": 8, "mapping": 8} == {k: found["counts"][k] for k in ("people", "mapping")}
    names = {way["account"] for way in found["ways"]}
    assert 8 == len(names)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b\x08\x00",
        b"{}",
        gzip.compress(b"{}", mtime=0),
        gzip.compress(b"["*100_000, mtime=0),
        gzip.compress(b'{"format": "syncd snapshot", "version": 99}', mtime=0),
        gzip.compress(b'{"format": "syncd snapshot", "version": 1, "sources": [], "deployments": 7}', mtime=0),
        gzip.compress(json.dumps({
            "format": "syncd snapshot", "version": 1, "sources": {}, "failed": {}, "names": [], "persons": [], "joined": [],
            "deployments": {"dev": {"seen": None, "users": [], "roles": [], "once": [], "grants": {"a": [1]}, "made": []}},
        }).encode(), mtime=0),
        gzip.compress(b" ", mtime=0) + b"more",
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_one_error(desk: Desk, content: bytes) -> None:
    file = desk.folder / "bad.gz"
    file.write_bytes(content)
    code, out, err = desk.types("explain", "anna", "--snapshot", str(file))
    assert (3, "", 1) == (code, out, err.count("\n"))
    assert f"{file}: it is " in err
    assert "export it anew" in err


def test_a_file_that_unpacks_to_too_much_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.store.exported.LARGEST_UNPACKED", 1024)
    file = desk.folder / "bomb.gz"
    file.write_bytes(gzip.compress(b" " * 100_000, mtime=0))
    code, _, err = desk.types("who", "--role", "Admin", "--snapshot", str(file))
    assert (3, True) == (code, "it has more than 1 KiB unpacked; it has to be of fewer deployments (`-d`)" in err)


# --- why not ----------------------------------------------------------------------------------------------------------


def test_why_somebody_does_not_have_a_role_is_told_by_what_would_give_it(desk: Desk) -> None:
    login = f"{desk.team}.out"
    people = [{"login": login}, {"login": f"{desk.team}.in"}]
    groups = [{"name": "team", "members": [f"{desk.team}.in"]}, {"name": "guests", "members": [login]}]
    desk.write("people/people.yaml", json.dumps({"people": people, "groups": groups}))

    code, out, _ = desk.types("explain", login, "--why-not", "--role", desk.team)
    assert 0 == code
    assert [
        f"dev: no line gives {desk.team}; any one of these would:",
        "  1. put them into the group people:team",
        '  2. add below `bindings:`  - {group: {source: "people", id: "guests", name: "guests"}, '
        f'roles: ["{desk.team}"], deployments: {{name: "dev"}}}}',
    ] == out.splitlines()[:3]
    [dev] = json.loads(desk.types("explain", login, "--why-not", "--role", desk.team, "-o", "json")[1])["deployments"]
    assert [["join"], ["bind"]] == [[edit["do"] for edit in edits] for edits in dev["changes"]]

    said = desk.types("explain", f"{desk.team}.in", "--why-not", "--role", desk.team)[1]
    assert said.startswith(f"dev: mapping lines give {desk.team}")


def test_what_why_not_is_about_has_to_be_said(desk: Desk) -> None:
    login = f"{desk.team}.user0"
    assert 3 == desk.types("explain", login, "--why-not")[0]
    assert 3 == desk.types("explain", login, "--why-not", "--dag", "x")[0]
    assert 3 == desk.types("explain", login, "--role", "Admin")[0]
    assert 3 == desk.types("explain", login, "--why-not", "--dag", "x", "--can", "fly")[0]
    code, _, err = desk.types("explain", "nobody", "--why-not", "--role", "Admin")
    assert (3, True) == (code, err.startswith("no source knows nobody"))


@pytest.mark.parametrize(
    "subject", ["everyone: people", "people: [{login}]", "everyone: people, except: [nobody@example.com]"]
)
def test_who_a_line_means_of_everybody_in_files_is_known(desk: Desk, subject: str) -> None:
    """The files of people are here: who is in them is no doubt, whatever the lines before asked for."""
    login = f"{desk.team}.user0"
    line = subject.replace("{login}", login)
    desk.write(
        "mappings/access.yaml", f"bindings:\n  - {{{line}, roles: [Viewer], deployments: all, until: 2999-01-01}}\n"
    )

    told = desk.types("explain", login)[1]

    assert "  lacks Viewer\n" in told
    assert f"    built-in role Viewer: {login}" in desk.types("-v", "who", "--role", "Viewer")[1]


def test_how_to_look_anew_is_said_of_commands_that_can(desk: Desk) -> None:
    explained = desk.types("explain", f"{desk.team}.user0")[1]
    listed = desk.types("who", "--role", desk.team)[1]
    desk.types("snapshot", "export", str(desk.folder / "kept.json"))
    from_file = desk.types("who", "--role", desk.team, "--snapshot", str(desk.folder / "kept.json"))[1]

    assert explained.endswith("; --fresh and `syncd plan` look anew\n")
    assert listed.endswith("; `syncd plan` looks anew\n")
    assert from_file.endswith(" UTC)\n")


@pytest.mark.finding("N-590")
def test_what_somebody_rejected_does_not_come_and_who_said_so_is_told(desk: Desk) -> None:
    desk.members(*(f"user{n}" for n in range(8)), "new")
    name = f"{desk.team}.new"
    gained = Change(None, User(name, f"{name}@example.com", "New", "Test", frozenset({desk.team})))
    with closing(Stores.open(f"sqlite:///{desk.folder / 'syncd.db'}")) as store:
        run = store.ledger.start_run("apply", scope=EVERYTHING, now=datetime.now(UTC))
        held = Held((gained,), ("too many",), "dev")
        plan = Plan("dev", EVERYTHING, (gained,))
        store.ledger.record_plan(run, plan, held=held, approved=None, now=datetime.now(UTC))
    code, out, err = desk.types("hold", "reject", "h1", "--reason", "ticket 12")
    assert (0, "") == (code, err), out
    assert (
        "dev: 8 accounts (8 by mapping lines, 1 rejected)" == desk.types("who", "--role", desk.team)[1].splitlines()[1]
    )
    out = desk.types("who", "--role", desk.team)[1]
    assert "  a line gives it, and somebody rejected that: not coming" in out.splitlines()
    assert "h1, rejected by " in out
    assert "coming with the next apply" not in out
    explained = desk.types("explain", name)[1]
    assert "    not coming: h1, rejected by " in explained
