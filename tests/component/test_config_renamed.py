"""A configuration file of before a key was renamed: it goes on working, and says what to write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.config import load
from syncd.config.reference import reference
from syncd.config.renamed import RENAMED, in_todays_names
from syncd.config.sections import sections
from syncd.errors import ConfigInvalid
from syncd.text.toml import read_toml
from syncd.throttle import RateLimit

LEAST = """[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "https://prod.example.com"
auth = { kind = "bearer", token = { env = "TOKEN" } }
"""
KEYS = {section.path: frozenset(section.table.model_fields) for section in sections()}
ANYWHERE = {("deployments", "*", "hurry"): "pace", ("daemon", "old"): "new"}


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_old_key_still_counts_and_the_note_says_where_it_is_and_what_to_write(tmp_path: Path) -> None:
    settings = load(written(tmp_path, f'{LEAST}[daemon]\n  leaky_sweep = "2h"\n'))

    assert timedelta(hours=2) == settings.daemon.slow_sweep
    assert (
        f"{tmp_path}/config.toml:8:3: daemon.leaky_sweep is called slow_sweep now; write slow_sweep",
    ) == settings.notes


def test_whoever_writes_the_new_key_reads_no_note(tmp_path: Path) -> None:
    settings = load(written(tmp_path, f'{LEAST}[daemon]\nslow_sweep = "2h"\n'))

    assert (timedelta(hours=2), ()) == (settings.daemon.slow_sweep, settings.notes)


def test_a_table_of_each_deployment_and_of_their_defaults_counts_under_its_old_name(tmp_path: Path) -> None:
    lines = "courtesy.burst = 7\n[defaults]\ncourtesy = { calls_per_s = 2 }\n"
    settings = load(written(tmp_path, f"{LEAST}{lines}"))

    assert [RateLimit(2.0, 7)] == [deployment.rate_limit for deployment in settings.deployments]
    assert (
        f"{tmp_path}/config.toml:7:1: deployments.prod.courtesy is called rate_limit now; write rate_limit",
        f"{tmp_path}/config.toml:9:1: defaults.courtesy is called rate_limit now; write rate_limit",
    ) == settings.notes


def test_both_are_a_mistake_at_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = written(tmp_path, f'{LEAST}[daemon]\nslow_sweep = "2h"\nleaky_sweep = "2h"\n')

    with pytest.raises(ConfigInvalid) as caught:
        load(file)

    said = "daemon.leaky_sweep is called daemon.slow_sweep now, which is here too; take this one out"
    assert f"{file}:9:1: {said}" == str(caught.value)


def test_a_mistake_in_an_old_key_is_told_at_its_place(tmp_path: Path) -> None:
    file = written(tmp_path, f'{LEAST}[daemon]\nleaky_sweep = "2 hours"\n')

    with pytest.raises(ConfigInvalid) as caught:
        load(file)

    assert str(caught.value).startswith(f"{file}:8:15: daemon.slow_sweep: a span of time")


def test_a_key_of_every_deployment_is_found_in_each_with_all_that_is_in_it() -> None:
    text = 'deployments.a = { url = "x", hurry.burst = 1, mode = "y" }\n'
    text += "[deployments.b.hurry]\nburst = 2\n[deployments.c]\npace = 3\n"

    now, notes = in_todays_names(read_toml("config.toml", text), ANYWHERE)

    assert {"a": {"url": "x", "pace": {"burst": 1}, "mode": "y"}, "b": {"pace": {"burst": 2}}, "c": {"pace": 3}} == (
        now.values["deployments"]
    )
    assert ["url", "pace", "mode"] == list(now.values["deployments"]["a"])
    place = now.places.value(("deployments", "b", "pace", "burst"))
    assert (3, 9) == (place.line, place.column)
    assert [
        "config.toml:1:30: deployments.a.hurry is called pace now; write pace",
        "config.toml:2:16: deployments.b.hurry is called pace now; write pace",
    ] == list(notes)


def test_what_is_no_table_is_left_for_the_check_to_find() -> None:
    as_it_is = read_toml("config.toml", "deployments = 3\n[[daemon]]\nold = 1\n")

    assert (as_it_is, ()) == in_todays_names(as_it_is, ANYWHERE)


@pytest.mark.parametrize("where", RENAMED)
def test_what_is_renamed_has_its_new_name_in_the_tables_and_its_old_one_nowhere(where: tuple[str, ...]) -> None:
    *table, old = ("NAME" if part == "*" else part for part in where)
    keys = KEYS["deployments", "NAME"] if table == ["defaults"] else KEYS[tuple(table)]

    assert RENAMED[where] in keys
    assert old not in keys
    assert f"`{old}`" not in reference()


@pytest.mark.parametrize(("options", "told"), [([], 1), (["--quiet"], 0)])
def test_a_command_says_it_once_and_not_where_it_is_to_be_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: int
) -> None:
    for folder, text in (("mappings", "roles: {}\n"), ("people", "people: []\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.yaml").write_text(text, encoding="utf-8")
    file = written(tmp_path, f'{LEAST}[daemon]\nleaky_sweep = "2h"\n')

    assert 0 == run(["--config", str(file), *options, "check"])

    assert told == capsys.readouterr().err.count(f"note: {file}:8:1: daemon.leaky_sweep is called slow_sweep now")
