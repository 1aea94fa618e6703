"""The file source: a directory is read whole, or it says nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.errors import SHOWN, SourceUnavailable
from syncd.model import Certificate, Group, Identity
from syncd.sources.file import FileSource
from syncd.text.folder import TRIES, FolderUnreadable, Wanted, read_folder

NOW = datetime(2026, 3, 31, 9, 30, tzinfo=UTC)
PEOPLE = """
people:
  - login: anna.schmidt
    email: anna@example.com
    given_name: Anna
    family_name: Schmidt
  - {id: "42", login: Bob, active: false}
groups:
  - name: finance
    members: [ANNA.schmidt, "42"]
  - {id: g1, name: nobody, members: []}
"""
TWO = "people: [{id: a, login: b}, {id: b, login: c}]"


def source(folder: Path, **texts: str) -> FileSource:
    """Make a source of files; `a__yaml` is a.yaml."""
    directory = folder / "people"
    directory.mkdir(exist_ok=True)
    for name, text in texts.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return FileSource("people", directory, now=lambda: NOW)


def refusal(of: FileSource) -> list[str]:
    with pytest.raises(SourceUnavailable) as caught:
        of.read()
    return str(caught.value).splitlines()


def test_people_and_groups_are_read(tmp_path: Path) -> None:
    snapshot = source(tmp_path, a__yaml=PEOPLE).read()

    anna = Identity("people", "anna.schmidt", "anna.schmidt", "anna@example.com", "Anna", "Schmidt")
    assert (Identity("people", "42", "Bob", "", "", "", active=False), anna) == snapshot.identities
    finance = Group("people", "finance", "finance", frozenset({"42", "anna.schmidt"}), Certificate(1, 2, 2, NOW, True))
    nobody = Group("people", "g1", "nobody", frozenset(), Certificate(1, 0, 0, NOW, True))
    assert (finance, nobody) == snapshot.groups
    assert ("people", NOW) == (snapshot.source, snapshot.taken_at)


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    people = [
        {"login": "anna.schmidt", "email": "anna@example.com", "given_name": "Anna", "family_name": "Schmidt"},
        {"id": "42", "login": "Bob", "active": False},
    ]
    groups = [
        {"name": "finance", "members": ["ANNA.schmidt", "42"]},
        {"id": "g1", "name": "nobody", "members": []},
    ]
    text = json.dumps({"people": people, "groups": groups}, indent="\t")
    (tmp_path / "other").mkdir()

    assert source(tmp_path, a__yaml=PEOPLE).read() == source(tmp_path / "other", a__json=text).read()


def test_names_of_any_script_survive_json(tmp_path: Path) -> None:
    [person] = (
        source(tmp_path, a__json=json.dumps({"people": [{"login": "a", "given_name": "𠮷 é"}]})).read().identities
    )

    assert "𠮷 é" == person.given_name


def test_files_count_as_one_in_any_order(tmp_path: Path) -> None:
    groups = "groups: [{name: g, members: [b, a]}]"
    one = source(tmp_path, a__yaml=groups, b__yml="people: [{login: b}, {login: a}]").read()
    (tmp_path / "other").mkdir()
    two = source(tmp_path / "other", b__yaml=groups, a__json='{"people": [{"login": "a"}, {"login": "b"}]}').read()

    assert one == two
    assert ["a", "b"] == [person.id for person in one.identities]


@pytest.mark.finding("N-434")
@pytest.mark.parametrize(
    ("people", "groups", "said"),
    [
        ('{"login": "a"},\n{"login": "A", "id": "7"}', "", 'a.json:2:1: there is a login "a" already, at'),
        ('{"login": "a"},\n{"login": "b", "id": "a"}', "", 'a.json:2:1: there is a person with the id "a" already, at'),
        (
            "",
            '{"name": "g", "members": []},\n{"name": "g", "id": "h", "members": []}',
            'a.json:2:1: there is a group with the name "g" already, at',
        ),
        (
            "",
            '{"name": "g", "members": []},\n{"name": "h", "id": "g", "members": []}',
            'a.json:2:1: there is a group with the id "g" already, at',
        ),
    ],
)
def test_who_is_in_a_file_of_json_twice_is_a_mistake_though_nothing_else_is(
    people: str, groups: str, said: str, tmp_path: Path
) -> None:
    text = f'{{"people": [{people}], "groups": [{groups}]}}'
    [_, told] = refusal(source(tmp_path, a__json=text))
    assert told.startswith(f"people/{said} people/a.json:1")


def test_every_mistake_is_told_at_once_and_where_it_is(tmp_path: Path) -> None:
    yaml = """
people:
  - login: anna.schmidt
    given_nam: Anna
    active: yes
  - login: 123
  - login: Anna.Schmidt
  - email: x@example.com
groups:
  - name: finance
    members: [anna.schmid, anna.schmidt, ANNA.SCHMIDT, 4]
  - {name: finance, members: []}
  - name: lost
  - {name: none, members: }
"""
    other = '{"people": [{"login": "x"},\n\t{"login": "x", "q": 1}]}'

    assert [
        "source people is not used until this is put right:",
        'people/a.yaml:4:5: unknown key "given_nam"; did you mean "given_name"?',
        "people/a.yaml:5:13: `active` must be true or false and is text",
        'people/a.yaml:6:12: `login` must be text and 123 is a number; write it in quotes: "123"',
        'people/a.yaml:7:5: there is a login "anna.schmidt" already, at people/a.yaml:3; keep one',
        "people/a.yaml:8:5: a person needs `login`",
        'people/a.yaml:11:15: there is no person with the login or id "anna.schmid"; did you mean "anna.schmidt"?',
        'people/a.yaml:11:42: "ANNA.SCHMIDT" is in group "finance" twice; keep one',
        'people/a.yaml:11:56: a member must be text and 4 is a number; write it in quotes: "4"',
        'people/a.yaml:12:5: there is a group with the id "finance" already, at people/a.yaml:10; keep one',
        "people/a.yaml:13:5: a group needs `members`",
        "people/a.yaml:14:18: `members` has no value; write a list, or take the key out",
        'people/b.json:2:2: there is a person with the id "x" already, at people/b.json:1; keep one',
        'people/b.json:2:17: unknown key "q"; a person knows `id`, `login`, `email`, `given_name`, `family_name`, '
        "`employee_number`, `department`, `user_type`, `active`, `guest`",
    ] == refusal(source(tmp_path, a__yaml=yaml, b__json=other))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a__yaml", "", "a.yaml:1:1: the file is empty"),
        ("a__yaml", "people:\n\t- x", "a.yaml:2:1: a tab stands here"),
        ("a__json", '{"people": [}', "a.json:1:13: this is not JSON"),
        ("a__json", '{"people": [],\n "people": []}', 'a.json:2:2: "people" is here twice'),
        ("a__json", "[]", "a.json:1:1: the file must be keys with values"),
        ("a__yaml", "people: {a: 1}", "a.yaml:1:9: `people` must be a list"),
        ("a__yaml", f"{TWO}\ngroups: [{{name: g, members: [b]}}]", 'a.yaml:2:30: "b" is the id of one person'),
    ],
)  # fmt: skip
def test_one_mistake_and_nothing_is_said(tmp_path: Path, name: str, text: str, message: str) -> None:
    [_, said] = refusal(source(tmp_path, good__yaml="people: [{login: z}]", **{name: text}))

    assert said.startswith(f"people/{message}")


def test_bytes_that_are_no_text_are_a_mistake(tmp_path: Path) -> None:
    this = source(tmp_path)
    for name in ("a.yaml", "b.json"):
        (this.directory / name).write_bytes(b'{"people": [{"login": "caf\xe9"}]}')

    assert ["people/a.yaml:1:27: byte 0xe9", "people/b.json:1:27: byte 0xe9"] == [s[:29] for s in refusal(this)[1:]]


def test_a_wrong_export_does_not_fill_the_screen(tmp_path: Path) -> None:
    said = refusal(source(tmp_path, a__json=json.dumps({"people": [{"log": "x"}] * (SHOWN + 7)})))

    assert (SHOWN + 2, f"and {2 * (SHOWN + 7) - SHOWN} more") == (len(said), said[-1])


@pytest.mark.parametrize(("made", "why"), [("nothing", "there is no directory"), ("empty", "has no file named *.yaml")])
def test_nothing_to_read_is_never_an_empty_answer(tmp_path: Path, made: str, why: str) -> None:
    this = FileSource("people", tmp_path / "people", now=lambda: NOW)
    if made == "empty":
        this.directory.mkdir()

    [said] = refusal(this)

    assert why in said


def test_a_part_that_cannot_be_read_stops_all_of_it(tmp_path: Path) -> None:
    this = source(tmp_path, a__yaml=PEOPLE)
    os.symlink("gone", this.directory / "b.yaml")

    [said] = refusal(this)

    assert "b.yaml cannot be read: No such file or directory" in said


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    this = source(tmp_path, a__yaml=PEOPLE)
    os.mkfifo(this.directory / "b.yaml")

    [said] = refusal(this)

    assert "b.yaml is not a file" in said


def test_links_to_directories_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    this = source(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("people: [{login: a}]", encoding="utf-8")
    os.symlink(tmp_path / "real", this.directory / "linked")

    assert ["a"] == [person.login for person in this.read().identities]

    os.symlink(this.directory, tmp_path / "real" / "back")
    [said] = refusal(this)
    assert "back is a link to a directory that is read already" in said


@pytest.mark.parametrize("restless", [1, TRIES])
def test_a_directory_that_changes_meanwhile_is_read_again(tmp_path: Path, restless: int) -> None:
    folder = source(tmp_path, a__yaml="a", b__yaml="b").directory
    reads: list[Path] = []

    def reading(path: Path) -> bytes:
        reads.append(path)
        if len(reads) <= 2 * restless and path.name == "b.yaml":
            (folder / "a.yaml").write_text("a" * len(reads) * 2, encoding="utf-8")
        return path.read_bytes()

    if restless < TRIES:
        assert {"people/a.yaml": b"aaaa", "people/b.yaml": b"b"} == read_folder(
            folder, Wanted({".yaml": 1000}, 1000), read=reading
        )
    else:
        with pytest.raises(FolderUnreadable, match="changed while it was read, 3 times"):
            read_folder(folder, Wanted({".yaml": 1000}, 1000), read=reading)


def test_what_mapping_lines_ask_of_people_is_read(tmp_path: Path) -> None:
    yaml = "people: [{login: ann, department: Finance, user_type: Employee}, {login: bob, guest: true}]"
    people = source(tmp_path, a__yaml=yaml).read().identities
    assert [("Finance", "Employee", False), ("", "", True)] == [(i.department, i.user_type, i.guest) for i in people]
    assert "`guest` must be true or false" in str(refusal(source(tmp_path, a__yaml="people: [{login: ann, guest: x}]")))
