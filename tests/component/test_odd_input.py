"""Odd input: one clear error at its place, never a traceback, never a hang, and never what may be a secret in it."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from effort import steps_of
from store_samples import NOW, created, made

from syncd.cli import run
from syncd.config import database_of, load
from syncd.errors import ConfigInvalid, Problem
from syncd.mapping.parse import parse
from syncd.mapping.select import idle_bindings
from syncd.model import Deployment, Note
from syncd.ports import GoodFiles
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING

AUTH = '{ kind = "bearer", token = { env = "TOKEN" } }'
LEAST = f"""[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "https://prod.example.com"
auth = {AUTH}
"""
TOKEN = "s3cr3t-token"


def refused(folder: Path, text: str) -> str:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        load(file)
    return str(caught.value).replace(f"{file}:", "")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (LEAST.replace(AUTH, f'["{TOKEN}"]'), "6:9: deployments.prod.auth[1] must be a table, not text"),
        (f'{LEAST}[http.tokens]\npipeline = "{TOKEN}"\n', "8:12: http.tokens.pipeline must be a table, not text"),
        (f'{LEAST}[notify]\nwebhooks = ["https://x/{TOKEN}"]\n', "8:13: notify.webhooks[1] must be a table, not text"),
        (f'{LEAST}[notify]\nemail = "{TOKEN}"\n', "8:9: notify.email must be a table, not text"),
        (f'database = "postgresql://u:{TOKEN}@db/x"\n{LEAST}', "1:12: database must be a table, not text"),
        (
            f'{LEAST}[sources.okta]\ntype = "okta"\nurl = "https://x.okta.com"\ngroups.all = true\nauth = "{TOKEN}"\n',
            "11:8: sources.okta.auth must be a table, not text",
        ),
    ],
)
def test_a_text_in_place_of_a_table_may_be_a_secret_and_is_not_repeated(tmp_path: Path, text: str, place: str) -> None:
    assert place == refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type = 3", '2:8: sources.people.type must be "file", "okta" or "entra", not 3'),
        ('type = ["x"]', '2:8: sources.people.type must be "file", "okta" or "entra", not a list'),
        ("type = {}", '2:8: sources.people.type must be "file", "okta" or "entra", not a table'),
        ('type = "oktaa"', '2:8: sources.people.type must be "file", "okta" or "entra", not "oktaa"'),
    ],
)
def test_what_is_no_kind_of_source_is_described(tmp_path: Path, text: str, said: str) -> None:
    assert said == refused(tmp_path, LEAST.replace('type = "file"', text))


def test_what_is_wanted_is_said_in_words_of_the_file(tmp_path: Path) -> None:
    assert "1:18: sources.people must be a table, not a whole number" == refused(
        tmp_path, f"sources.people = 3\n{LEAST[52:]}"
    )
    assert "3:13: sources.people.directory must be text in quotes, not a whole number" == (
        refused(tmp_path, LEAST.replace('"people"', "3"))
    )


@pytest.mark.parametrize("table", ["", "[defaults]\n"])
def test_a_wrong_kind_does_not_hide_which_keys_there_are(tmp_path: Path, table: str) -> None:
    said = refused(tmp_path, f'{LEAST}{table}type = []\nmodes = "enforce"\n')

    assert said.endswith('; did you mean "mode"?')


@pytest.mark.parametrize(
    ("socket", "why"),
    [
        ("~nobody-of-this-name/x", "there is no user ~nobody-of-this-name, whose home folder this would be in"),
        ("a\\u0000b", "a path cannot hold the character U+0000"),
    ],
)
def test_a_socket_that_cannot_be_is_refused_at_its_place(tmp_path: Path, socket: str, why: str) -> None:
    assert f"8:10: control.socket: {why}" == refused(tmp_path, f'{LEAST}[control]\nsocket = "{socket}"\n')


@pytest.mark.parametrize(
    ("own", "default", "said"),
    [
        ("limits = {}", "limits = 3", "9:10: defaults.limits must be a table, not a whole number"),
        ("labels = {}", "labels = []", "9:10: defaults.labels must be a table, not a list"),
        (
            'mode = "observe"',
            'mode = "x"',
            '9:8: defaults.mode must be "observe", "add-only", "enforce" or "full", not "x"',
        ),
        (
            "timeouts = {}",
            "timeouts = { reads = 1 }",
            '9:14: unknown key "reads" in defaults.timeouts; did you mean "read_s"?',
        ),
    ],
)
def test_a_wrong_default_is_found_though_every_deployment_says_otherwise(
    tmp_path: Path, own: str, default: str, said: str
) -> None:
    assert said == refused(tmp_path, f"{LEAST}{own}\n[defaults]\n{default}\n")


def test_a_default_that_is_sound_with_what_each_deployment_says_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"{LEAST}[defaults]\nauth = {AUTH}\nmatch_email = true\n", encoding="utf-8")

    assert load(tmp_path / "config.toml").deployments[0].deployment.match_email


def test_a_problem_is_told_in_one_line() -> None:
    assert r'x.yaml:1:2: unknown key "a\nb\u2028\x1b\u202e"' == str(
        Problem("x.yaml", 1, 2, 'unknown key "a\nb\u2028\x1b\u202e"')
    )


def test_the_database_is_looked_for_in_a_broken_file_only_so_long(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    found = []

    def steps(dots: int) -> int:
        file.write_text(f"[database]\n{'a.' * dots}b = 1\n", encoding="utf-8")
        return steps_of(lambda: found.append(database_of(file)))

    assert steps(60_000) < 2 * steps(10_000)
    assert [None, None] == found


def test_each_of_many_wrong_keys_costs_the_same(tmp_path: Path) -> None:
    said = []

    def steps(keys: int) -> int:
        text = LEAST + "".join(f"k{n} = 1\n" for n in range(keys))
        return steps_of(lambda: said.append(refused(tmp_path, text)))

    assert steps(2_500) < 6 * steps(500)
    assert all(one.startswith('7:1: unknown key "k0" in deployments.prod; known here: ') for one in said)


def test_bindings_with_mistyped_labels_are_all_told_and_the_first_ones_compared() -> None:
    fleet = [Deployment(f"d{n}", labels={"env": f"prod{n}"}, naming=NAMING) for n in range(200)]
    lines = [f"- {{group: 's:g', roles: [R], deployments: {{env: prdo{n}}}}}\n" for n in range(300)]
    text = "roles:\n  R: {permissions: [can_read on Pools]}\nbindings:\n" + "".join(lines)
    rules = parse({"m.yaml": text.encode()}, namings=[NAMING])
    notes = list[Note]()

    steps = steps_of(lambda: notes.extend(idle_bindings(rules, fleet)))

    assert steps < 15_000_000, "9 million; 27 where all words are compared"
    assert 300 == len(notes)
    assert notes[0].text.endswith('no deployment has the label env with "prdo0"; did you mean "prod0"?')
    assert '"prdo299"; there are ' in notes[-1].text, "no more words are compared, but it is told"


def test_a_damaged_record_of_earlier_files_does_not_hide_what_is_wrong_with_those_of_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[database]\n{LEAST}oops = 1\n", encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as store:
        store.presence.keep_files(str(config), GoodFiles(LEAST, {"mappings/x.yaml": "roles: {}\n"}), now=NOW)
    with closing(sqlite3.connect(tmp_path / "syncd.db")) as database:
        database.execute("UPDATE last_good SET body = x'ff'")
        database.commit()

    code = run(["--config", str(config), "alarms"])

    assert (3, True) == (code, f'{config}:8:1: unknown key "oops"' in capsys.readouterr().err)


# --- the journal ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "config.toml").write_text(LEAST, encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as store:
        for name in HOSTILE:
            made(store, created(name, name))

    def types(*words: str) -> tuple[int, str, str]:
        code = run(["--config", str(tmp_path / "config.toml"), "audit", *words])
        return (code, *capsys.readouterr())

    return types


HOSTILE = {
    "=1+1": "'=1+1",
    "\uff1d1": "'\uff1d1",
    "\n=1": r"\n=1",
    "\t=1": r"\t=1",
    "\x1b[31mred": r"\x1b[31mred",
    "\u202egnp": r"\u202egnp",
    "\ufeff=1": r"\ufeff=1",
    'a "b", c': 'a "b", c',
}


@pytest.mark.parametrize(("held", "column"), [([], "name"), (["--holders"], "role")])
def test_no_name_in_csv_acts_on_a_terminal_or_a_spreadsheet(shell: Any, held: list[str], column: str) -> None:
    out = shell("-o", "csv", *held)[1]

    assert list(HOSTILE.values()) == [row[column] for row in csv.DictReader(io.StringIO(out, newline=""))]
    assert [] == [c for c in out if not c.isprintable() and c not in "\r\n"]


@pytest.mark.parametrize("number", ["9223372036854775807", "99999999999999999999"])
def test_a_number_that_no_database_knows_is_more_than_any_row(shell: Any, number: str) -> None:
    assert (0, "[]\n", "") == shell("--after", number, "-o", "json")
    assert shell("-o", "jsonl") == shell("--limit", number, "-o", "jsonl")
    assert shell("--limit", "1000") == shell("--limit", number)


@pytest.mark.parametrize("when", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_time_before_or_after_all_time_is_a_wrong_command_line(shell: Any, when: str) -> None:
    code, _, err = shell("--since", when)

    assert (3, True) == (code, f"{when!r} is no time" in err)


def test_who_held_what_has_no_status(shell: Any) -> None:
    code, _, err = shell("--holders", "--status", "applied")

    assert (3, True) == (code, "what somebody holds has no status" in err)
