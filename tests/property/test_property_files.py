"""Whatever stands in a file that somebody wrote, its reader gives a value or says what is wrong: nothing else comes out of it.

Good files are changed in places: bytes put in, taken out and turned over; tokens that readers stumble over put in or in the
place of others. A refusal that speaks of something unexpected is a fault of the reader, so it counts as one here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from examples import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncd.config import load
from syncd.errors import InvalidInput, SourceUnavailable
from syncd.http.secrets import Secret, SecretUnreadable
from syncd.mapping.parse import parse
from syncd.sources.file import FileSource
from syncd.targets.airflow.naming import NAMING

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "config.example.toml").read_bytes()
MAPPING = b"""\
roles:
  fin-reader: &reader
    description: "Sees \\u20ac"
    dags:
      - {level: view, tag: [finance, risk], id: "fin_*"}
  fin-pools:
    <<: *reader
    permissions: ["can_read on Pools"]
bindings:
  - group: people:finance
    roles: [fin-reader, Viewer]
    deployments: {env: [prod, test]}
    until: 2027-01-31T18:00:00+01:00
    reason: the audit
  - {group: {source: people, id: g1, name: crew}, roles: [Op], deployments: all}
"""
PEOPLE = b"""\
people:
  - {login: anna, email: anna@example.com, active: true}
  - {login: bob, id: "7", given_name: "Bob \\x41", employee_number: "12"}
groups:
  - name: crew
    members: [anna, "7"]
"""
PEOPLE_JSON = (
    b'{"people": [{"login": "anna", "active": true}, {"login": "b"}], "groups": [{"name": "c", "members": ["anna"]}]}'
)
TOKENS = [
    *(
        b'"""',
        b"'''",
        b'"',
        b"'",
        b"[",
        b"]",
        b"{",
        b"}",
        b"[[",
        b"{a=",
        b"<<: ",
        b"*reader",
        b"&reader ",
        b"? ",
        b"- ",
        b": ",
    ),
    *(
        b"\\U00110000",
        b"\\UFFFFFFFF",
        b"\\ud800",
        b"\\x00",
        b"\\",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xc2\x85",
        b"\t",
        b"\r",
        b"\n",
    ),
    *(
        b"9" * 5000,
        b"[" * 3000,
        b"{a=" * 3000,
        b"a." * 3000,
        b"1e999",
        b"nan",
        b"-0",
        b"0x",
        b"9999-12-31T23:59:59-23:59",
        b"2027-02-30",
    ),
    *(
        b"~nosuchuser/x",
        b"~",
        b"\xe2\x80\xae",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"%TAG",
        b"---",
        b"!!python/object:os.system ",
        b"!",
    ),
    *(b"https://[::1", b"http://a:99999999", b"s3://u:p/w@h", b"sqlite:///", b"#", b"=", b"|", b">", b"..", b"0" * 400),
]


def changed(good: bytes) -> st.SearchStrategy[bytes]:
    """Give a good text with up to four changes in it."""
    words = sorted(set(good.replace(b"\n", b" ").split(b" ")) - {b""})
    put = st.one_of(st.sampled_from(TOKENS), st.sampled_from(words), st.binary(max_size=3))
    change = st.tuples(st.integers(0, len(good)), st.integers(0, 12), put)

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        text = good
        for at, taken, new in changes:
            text = text[:at] + new + text[at + taken :]
        return text

    def replaced(word: bytes, new: bytes) -> bytes:
        return good.replace(word, new, 1)

    return st.one_of(
        st.lists(change, min_size=1, max_size=4).map(apply),
        st.builds(replaced, st.sampled_from(words), put),
    )


quick = settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(read: Callable[[], object], *errors: type[Exception]) -> str:
    said = ""
    try:
        read()
    except errors as refused:
        said = str(refused)
    assert "unexpected" not in said
    assert said.encode() is not None
    return said


@pytest.mark.finding("A-F7")
@quick
@given(changed(MAPPING))
@example(MAPPING.replace(b"\\u20ac", b"\\U00110000"))
def test_a_mapping_file_is_read_or_refused(content: bytes) -> None:
    refusal(lambda: parse({"mappings/m.yaml": content}, sources=frozenset({"people"}), namings=[NAMING]), InvalidInput)


@pytest.mark.finding("A-F7")
@quick
@given(content=changed(CONFIG))
@example(CONFIG.replace(b"workers = 4", b"workers = " + b"9" * 5000))
@example(b"a = " + b"[" * 3000)
@example(b"a = " + b"{a=" * 3000)
@example(b'[sources.x]\ntype = ["file"]\nx = 1\n')
@example(b"[sources.x]\ntype = {}\nx = 1\n")
@example(CONFIG.replace(b'"mappings"', b'"~nosuchuser/x"'))
def test_a_configuration_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)

    said = refusal(lambda: load(tmp_path / "config.toml"), InvalidInput)

    assert all(line.startswith((str(tmp_path), "and ")) for line in said.splitlines())


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize(("name", "good"), [("p.yaml", PEOPLE), ("p.json", PEOPLE_JSON)])
@quick
@given(data=st.data())
def test_a_file_of_people_is_read_or_refused(tmp_path: Path, name: str, good: bytes, data: st.DataObject) -> None:
    (tmp_path / name).write_bytes(data.draw(changed(good)))

    refusal(FileSource("people", tmp_path, now=lambda: datetime(2026, 7, 1, tzinfo=UTC)).read, SourceUnavailable)


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"people": ' + "9" * 5_000 + "}", '{"people": [{"login": "\\U00110000"}]}']
)
@pytest.mark.parametrize("name", ["p.yaml", "p.json"])
def test_people_that_readers_stumble_over_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    said = refusal(FileSource("people", tmp_path, now=lambda: datetime(2026, 7, 1, tzinfo=UTC)).read, SourceUnavailable)

    assert f"/{name}:" in said


@pytest.mark.finding("C-42")
@quick
@given(content=changed(b"glsa_planted-secret\n"))
def test_a_secret_is_read_or_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    said = refusal(Secret("file", (str(tmp_path / "key"),)).read, SecretUnreadable)

    assert "planted" not in said
