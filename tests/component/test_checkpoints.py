"""Signed checkpoints: who owns the database cannot rewrite the journal without being found out."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from notify_world import Chat, chat_service
from sqlalchemy import text
from store_samples import NOW, created, made
from test_cli_audit_export import CONFIG

from syncd.cli import run
from syncd.config import load
from syncd.errors import ConfigInvalid
from syncd.http.secrets import Secret
from syncd.model.chain import NOTHING_BEFORE, link_after
from syncd.model.checkpoints import read_checkpoint
from syncd.notify import CheckpointSettings, Webhook
from syncd.notify.checkpoints import CheckpointFailed, append_line, checkpoint
from syncd.notify.signing import KeyUnusable, PublicKey, new_keys
from syncd.store import Stores


@dataclass
class Signing:
    """A journal, the key that signs it, and where its checkpoints go."""

    folder: Path
    store: Stores
    settings: CheckpointSettings
    public: str

    @property
    def file(self) -> Path:
        return self.folder / "checkpoints.jsonl"

    def change(self, name: str) -> None:
        made(self.store, created(name, "Viewer"))

    def sign(self, *, minutes: float = 0, anyway: bool = True) -> bool:
        now = NOW + timedelta(minutes=minutes)
        return checkpoint(self.settings, self.store.records, now=now, anyway=anyway) is not None

    def verify(self, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
        (self.folder / "config.toml").write_text(CONFIG, encoding="utf-8")
        (self.folder / "public.pem").write_text(self.public, encoding="ascii")
        where = ["--checkpoints", str(self.file), "--public-key", str(self.folder / "public.pem")]
        code = run(["--config", str(self.folder / "config.toml"), "audit", "verify", *where, *more])
        return code, "".join(capsys.readouterr())


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    private, public = new_keys()
    (tmp_path / "key.pem").write_text(private, encoding="ascii")
    key = Secret.parse(f"file:{tmp_path / 'key.pem'}")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as store:
        yield Signing(tmp_path, store, CheckpointSettings(key, file=tmp_path / "checkpoints.jsonl"), public)


def rewrite(store: Stores) -> None:
    """Do what the owner of a database can: make a past of their own, with hashes that fit, in records and tables alike."""
    lines = [line.replace("anna", "ella") for _, line in store.records.lines()]
    seq, prev = 0, NOTHING_BEFORE
    with store.database.write() as connection:
        for line in lines:
            facts = json.loads(line)
            body = {name: value for name, value in facts.items() if name not in ("seq", "prev")}
            seq, anew, prev = link_after(seq, prev, json.dumps(body, sort_keys=True, separators=(",", ":")))
            given = {"seq": seq, "line": anew, "hash": prev}
            connection.execute(text("UPDATE records SET line = :line, hash = :hash WHERE seq = :seq"), given)
        for column in ("name", "because"):
            connection.execute(text(f"UPDATE changes SET {column} = replace({column}, 'anna', 'ella')"))
        connection.execute(text("UPDATE ownership SET name = replace(name, 'anna', 'ella')"))


def test_who_owns_the_database_can_rewrite_it_but_not_unnoticed(
    signing: Signing, capsys: pytest.CaptureFixture[str]
) -> None:
    signing.change("anna")
    signing.sign()
    signing.change("bob")
    code, said = signing.verify(capsys)
    assert (0, True) == (code, said.endswith(", and it is what 1 checkpoint signed\n")), said

    rewrite(signing.store)
    assert [] == signing.store.records.verify().flaws, "in the database alone everything fits"
    code, said = signing.verify(capsys)
    assert 1 == code
    assert f"record 3: it is not what the checkpoint of {NOW.isoformat()} signed: rewritten\n" in said


def test_the_end_of_a_journal_cannot_be_cut_off(signing: Signing, capsys: pytest.CaptureFixture[str]) -> None:
    signing.change("anna")
    signing.change("bob")
    signing.sign()
    with signing.store.database.write() as connection:
        connection.execute(text("DELETE FROM records WHERE seq > 3"))
    code, said = signing.verify(capsys)
    assert 1 == code
    assert "record 4: removed: the checkpoint of 2026-03-01T12:00:00+00:00 signed record 6, and the last is 3\n" in said


def test_a_file_of_an_export_is_held_against_checkpoints(signing: Signing, capsys: pytest.CaptureFixture[str]) -> None:
    signing.change("anna")
    signing.sign()
    export = signing.folder / "records.jsonl"
    export.write_text("".join(f"{line}\n" for _, line in signing.store.records.lines()), encoding="ascii")
    assert 0 == signing.verify(capsys, str(export))[0]
    export.write_text(export.read_text().replace("applied", "skipped"), encoding="ascii")
    assert 1 == signing.verify(capsys, str(export))[0]


def test_a_checkpoint_of_another_key_proves_nothing(signing: Signing, capsys: pytest.CaptureFixture[str]) -> None:
    signing.change("anna")
    signing.sign()
    signing.file.write_text(signing.file.read_text() + "{}\n[" + "\n", encoding="ascii")
    signing.public = new_keys()[1]
    code, said = signing.verify(capsys)
    assert 1 == code
    assert f"checkpoints.jsonl:1: this checkpoint is not signed with the key {PublicKey(signing.public).id}\n" in said
    assert "checkpoints.jsonl:2: this is no checkpoint\n" in said
    assert "checkpoints.jsonl:3: this is no checkpoint\n" in said


@pytest.mark.parametrize("edited", ["seq", "hash", "at", "key"])
def test_every_part_of_a_checkpoint_is_signed(signing: Signing, edited: str) -> None:
    signing.change("anna")
    signing.sign()
    found = read_checkpoint(signing.file.read_text())
    assert PublicKey(signing.public).has_signed(found)
    value: Any = 2 if edited == "seq" else "f" * 64
    assert not PublicKey(signing.public).has_signed(replace(found, **{edited: value}))


def test_openssl_verifies_a_checkpoint_as_the_page_says(signing: Signing) -> None:
    signing.change("anna")
    signing.sign()
    found = read_checkpoint(signing.file.read_text())
    (signing.folder / "signed").write_bytes(found.signed)
    (signing.folder / "signature").write_bytes(base64.b64decode(found.signature))
    (signing.folder / "public.pem").write_text(signing.public, encoding="ascii")
    command = "openssl pkeyutl -verify -rawin -pubin -inkey public.pem -in signed -sigfile signature"
    assert command in (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    subprocess.run(command.split(), cwd=signing.folder, check=True, capture_output=True)


# --- when and where ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_due_after_an_hour_or_after_many_records(signing: Signing) -> None:
    assert not signing.sign(), "there is nothing yet"
    signing.change("anna")
    assert signing.sign(anyway=False), "there was none before"
    assert not signing.sign(minutes=61, anyway=False), "nothing is new but the checkpoint itself"
    signing.change("bob")
    assert not signing.sign(minutes=59, anyway=False)
    assert signing.sign(minutes=60, anyway=False)
    signing.settings = replace(signing.settings, records=6)
    signing.change("carol")
    assert not signing.sign(minutes=61, anyway=False)
    signing.change("dora")
    assert signing.sign(minutes=61, anyway=False)
    assert 3 == len(signing.file.read_text().splitlines())


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_service() as found:
        yield found


def test_a_checkpoint_is_posted(signing: Signing, chat: Chat) -> None:
    signing.settings = replace(signing.settings, webhook=Webhook(f"{chat.url}/sink", "json"))
    signing.change("anna")
    signing.sign()
    [(path, _, body)] = chat.posts
    line = json.loads(signing.file.read_text())
    assert ("/sink", {"version": 1, **line}) == (path, json.loads(body))


def test_a_place_that_cannot_be_reached_is_told_and_the_other_one_counts(signing: Signing) -> None:
    signing.settings = replace(signing.settings, webhook=Webhook("http://127.0.0.1:9/sink", "json"))
    signing.change("anna")
    with pytest.raises(CheckpointFailed, match=r"^checkpoints.url: "):
        signing.sign()
    assert 1 == len(signing.file.read_text().splitlines())
    assert not signing.sign(), "the file has it"
    signing.settings = replace(signing.settings, file=signing.folder / "gone" / "checkpoints.jsonl")
    signing.change("bob")
    for _ in range(2):
        with pytest.raises(CheckpointFailed, match=r"^checkpoints.file: No such file .*; checkpoints.url: "):
            signing.sign()


def test_half_a_line_that_a_crash_left_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.jsonl"
    file.write_text('{"seq":', encoding="ascii")
    append_line(file, "one")
    append_line(file, "two")
    assert ['{"seq":', "one", "two"] == file.read_text().splitlines()


# --- keys and configuration -------------------------------------------------------------------------------------------


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.pem"
    assert 0 == run(["audit", "keygen", str(file)])
    assert PublicKey(capsys.readouterr().out).id
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 3 == run(["audit", "keygen", str(file)])


@pytest.mark.parametrize("pem", ["", "secret", new_keys()[1]])
def test_what_is_no_private_key_is_one_sentence(signing: Signing, pem: str) -> None:
    (signing.folder / "key.pem").write_text(pem or "\n", encoding="ascii")
    signing.change("anna")
    if pem:
        with pytest.raises(KeyUnusable, match=r"checkpoints.key is no private key .* syncd audit keygen"):
            signing.sign()


TABLE = """
[checkpoints]
key = {file = "key.pem"}
"""


def test_the_table(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG + TABLE + 'file = "c.jsonl"\nurl = {env = "SINK"}\nevery = "5m"\nrecords = 10\n')
    found = load(file).checkpoints
    assert found is not None
    assert (tmp_path / "c.jsonl", timedelta(minutes=5), 10) == (found.file, found.every, found.records)
    assert found.webhook is not None
    assert "json" == found.webhook.format


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "say where checkpoints go: set file, url or both"),
        ('file = "c"\nevery = "1s"', 'at least "1m" is wanted here'),
        ('url = "http://elsewhere.example/x"', "http://"),
        ('url = "https://hooks.slack.com/x"', "this address is a secret itself"),
    ],
)
def test_what_the_table_refuses(tmp_path: Path, more: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG + TABLE + more + "\n", encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"config.toml:\d+:\d+: checkpoints") as caught:
        load(file)
    assert said in str(caught.value)


def test_apply_signs_at_its_end_even_where_nothing_could_be_asked(
    signing: Signing, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.change("anna")
    monkeypatch.setenv("SYNCD_TEST_NOT_SET", "a-token-of-nobody")
    for name in ("people", "mappings"):
        (signing.folder / name).mkdir()
    (signing.folder / "mappings" / "all.yaml").write_text("roles: {fin: {dags: [{level: view, tag: fin}]}}\n")
    file = signing.folder / "config.toml"
    file.write_text(CONFIG + TABLE + 'file = "checkpoints.jsonl"\n', encoding="utf-8")
    assert 0 != run(["--config", str(file), "--verbose", "apply"]), "nobody answers there"
    assert "checkpoint_made" in capsys.readouterr().err
    assert PublicKey(signing.public).has_signed(read_checkpoint(signing.file.read_text()))
