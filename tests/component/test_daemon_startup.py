"""A daemon that starts while a file is bad goes on with the files that it used last."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_site import CONFIG as SITE
from small_site import site

from syncd.config import database_of, load
from syncd.daemon.loaded import Fleet, LoadedFiles, read_files
from syncd.daemon.runtime import Runtime
from syncd.daemon.startup import opened
from syncd.errors import ConfigInvalid, InvalidInput, MappingInvalid
from syncd.ports import GoodFiles
from syncd.store import Stores

__all__ = ["site"]

CONFIG = '[database]\nurl = "sqlite:///kept.db"\n' + SITE
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def folder(site: Path) -> Path:
    (site / "config.toml").write_text(CONFIG)
    return site


def silent(_event: str, /, **_facts: object) -> None:
    """Take every event."""


def begin(folder: Path) -> LoadedFiles:
    """Start a fleet as the daemon does, and end it; gives the files it began with."""
    with opened(folder / "config.toml") as (files, store):
        fleet = Fleet(
            files,
            store,
            Runtime(silent, lambda: NOW, lambda: 0.0, lambda: False),
            called=lambda _name, _call: None,
        )
        assert files.error == fleet.error
        fleet.close()
        return files


BAD = [
    ("mappings/m.yaml", "bindings: [oops\n", "mappings/m.yaml:"),
    ("mappings/m.yaml", 'roles: {"a\\U00110000": {}}\n', "mappings/m.yaml:1:"),
    ("config.toml", CONFIG + "oops\n", "config.toml:"),
    ("config.toml", "oops\n" + CONFIG, "config.toml:1:"),
    ("config.toml", CONFIG.replace('"file"', '"flie"'), "config.toml:5:"),
    ("config.toml", CONFIG + "[run]\nworkers = " + "9" * 5000, "config.toml:"),
]


@pytest.mark.finding("X-F5")
@pytest.mark.parametrize(("file", "text", "place"), BAD)
def test_a_start_with_a_bad_file_uses_the_last_good_ones(folder: Path, file: str, text: str, place: str) -> None:
    good = begin(folder)
    (folder / file).write_text(text)

    files = begin(folder)

    assert place in files.error
    assert (good.settings, good.mappings, good.rules) == (files.settings, files.mappings, files.rules)
    assert place in begin(folder).error, "a start with them does not take the bad ones for good"


@pytest.mark.finding("X-F5")
def test_a_file_that_was_put_right_is_used_and_kept(folder: Path) -> None:
    begin(folder)
    (folder / "mappings/m.yaml").write_text("bindings: []\n")
    assert () == begin(folder).rules.bindings
    (folder / "mappings/m.yaml").write_text("oops")

    assert () == begin(folder).rules.bindings


@pytest.mark.finding("X-F5")
@pytest.mark.parametrize(("file", "text", "place"), BAD)
def test_a_first_start_with_a_bad_file_is_refused_and_makes_no_database(
    folder: Path, file: str, text: str, place: str
) -> None:
    (folder / file).write_text(text)

    with pytest.raises(InvalidInput, match=place):
        begin(folder)

    assert not (folder / "kept.db").exists()


@pytest.mark.finding("X-F5")
@pytest.mark.parametrize(
    "text",
    [
        "oops",
        b"\xff" + CONFIG.encode(),
        CONFIG.replace("[database]", "[database"),
        CONFIG.replace('kept.db"', "kept.db"),
    ],
)
def test_a_file_that_does_not_tell_where_the_database_is_is_refused(folder: Path, text: str | bytes) -> None:
    begin(folder)
    (folder / "config.toml").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ConfigInvalid):
        begin(folder)


@pytest.mark.finding("X2-F1")
def test_files_are_known_to_be_others_than_those_that_were_read(folder: Path) -> None:
    files = read_files(folder / "config.toml")
    assert files.still_stand()
    for name, other in (
        ("config.toml", CONFIG + "# more\n"),
        ("config.toml", "oops"),
        ("mappings/m.yaml", "bindings: []\n"),
        ("mappings/n.yaml", "bindings: []\n"),
    ):
        path = folder / name
        before = path.read_text() if path.exists() else None
        path.write_text(other)
        assert not files.still_stand(), name
        path.unlink() if before is None else path.write_text(before)
    (folder / "config.toml").unlink()
    assert not files.still_stand()


@pytest.mark.finding("X-F5")
def test_commands_refuse_bad_files_all_the_same(folder: Path) -> None:
    begin(folder)
    (folder / "mappings/m.yaml").write_text("oops")

    with pytest.raises(MappingInvalid):
        read_files(folder / "config.toml")


@pytest.mark.finding("X-F5")
@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("oops\n[database]\nurl = 'sqlite:///x.db'\n[oops", "sqlite:///{}/x.db"),
        (
            "[database]\nurl = 'postgresql://u@h/d'\n[database.password]\nenv = 'X'\n[run]\nworkers = 'x'",
            "postgresql://u@h/d",
        ),
        ("oops", "sqlite:///{}/syncd.db"),
    ],
)
def test_the_database_is_read_from_its_table_alone(tmp_path: Path, text: str, url: str) -> None:
    (tmp_path / "config.toml").write_text(text)

    found = database_of(tmp_path / "config.toml")

    assert found is not None
    assert url.format(tmp_path) == found.url
    assert ("password" in text) == (found.password is not None)


@pytest.mark.parametrize(
    "text",
    [
        "database.url = 3\noops",
        "[database]\nurl = 3\noops",
        "[database]\nurl = 'ftp://x'",
        "[database]\nurl = " + "[" * 9000,
    ],
)
def test_a_table_of_the_database_that_cannot_be_used_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)

    assert database_of(tmp_path / "config.toml") is None
    assert database_of(tmp_path / "not-there.toml") is None


@pytest.mark.finding("X-F5")
def test_the_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    files = GoodFiles("a = 'ü\x00'", {"m/ä.yaml": "\ufeff- 名前\r\n"})
    with closing(Stores.open(f"sqlite:///{tmp_path}/s.db")) as store:
        assert store.presence.last_files("/c") is None
        store.presence.keep_files("/c", GoodFiles("", {}), now=NOW)
        store.presence.keep_files("/c", files, now=NOW)

        assert (files, NOW) == store.presence.last_files("/c")
        assert store.presence.last_files("/d") is None


@pytest.mark.finding("X-F5")
def test_what_is_kept_holds_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "planted-secret-value")

    files = begin(folder)

    with closing(Stores.open(files.settings.database.connect_url())) as store:
        kept = store.presence.last_files(str(folder / "config.toml"))
    assert kept is not None
    assert CONFIG == kept[0].config
    assert load(folder / "config.toml", kept[0].config) == files.settings
    assert "planted" not in repr(kept)
