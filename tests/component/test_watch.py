"""Changes of files as they really happen: editors, rsync, git, Kubernetes; on real directories."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.daemon.watch import Watch

TIME = (1_700_000_000_000_000_000, 1_700_000_000_000_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Mapping files, and a configuration beside them."""
    (tmp_path / "config.toml").write_text("[run]")
    folder = tmp_path / "mappings"
    (folder / "teams").mkdir(parents=True)
    (folder / "finance.yaml").write_text("roles: {}\n")
    (folder / "teams" / "data.yml").write_text("bindings: []\n")
    for path in (tmp_path / "config.toml", folder / "finance.yaml", folder / "teams" / "data.yml"):
        os.utime(path, ns=TIME)
    return folder


@pytest.fixture
def watch(folder: Path) -> Watch:
    return Watch(lambda: [folder.parent / "config.toml", folder])


def look(watch: Watch) -> list[bool]:
    """Look three times: a change is reported at the second look, and only there."""
    return [watch.changed(), watch.changed(), watch.changed()]


NEW, NOTHING = [False, True, False], [False, False, False]


def test_nothing_happened(watch: Watch) -> None:
    assert NOTHING == look(watch)


def _rename_over(path: Path, text: str) -> None:
    (path.parent / ".new").write_text(text)
    (path.parent / ".new").replace(path)


def _delete_and_write(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def _backup_and_write(path: Path, text: str) -> None:
    path.rename(path.with_name(path.name + "~"))
    path.write_text(text)


def _same_size_and_time(path: Path, text: str) -> None:
    path.write_text(text[: path.stat().st_size])
    os.utime(path, ns=TIME)


@pytest.mark.parametrize(
    "write", [Path.write_text, _rename_over, _delete_and_write, _backup_and_write, _same_size_and_time]
)
@pytest.mark.parametrize("name", ["config.toml", "mappings/finance.yaml", "mappings/teams/data.yml"])
def test_a_file_is_written_anew(watch: Watch, folder: Path, write: Callable[[Path, str], object], name: str) -> None:
    assert NOTHING == look(watch)
    write(folder.parent / name, "something else entirely\n")

    assert NEW == look(watch)
    assert NOTHING == look(watch)


def test_touching_and_writing_the_same_is_nothing(watch: Watch, folder: Path) -> None:
    (folder / "finance.yaml").touch()
    _rename_over(folder / "teams" / "data.yml", "bindings: []\n")

    assert NOTHING == look(watch)


def test_files_come_and_go_and_get_other_names(watch: Watch, folder: Path) -> None:
    (folder / "teams" / "new.YAML").write_text("x: 1\n")
    assert NEW == look(watch)
    (folder / "teams" / "new.YAML").rename(folder / "teams" / "newer.yaml")
    assert NEW == look(watch)
    (folder / "teams" / "newer.yaml").unlink()
    assert NEW == look(watch)


@pytest.mark.parametrize(
    "name", [".finance.yaml.swp", "finance.yaml~", "4913", "#finance.yaml#", ".#x.yaml", "a.yaml.tmp", ".git/x.yaml"]
)
def test_what_editors_and_git_leave_lying_about_is_nothing(watch: Watch, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("half a li")

    assert NOTHING == look(watch)


def test_a_file_that_is_being_written_is_not_reported(watch: Watch, folder: Path) -> None:
    for n in range(4):
        (folder / "finance.yaml").write_text("roles:\n" * n)
        assert not watch.changed()

    assert watch.changed()


def test_a_change_that_is_taken_back_between_two_looks_is_nothing(watch: Watch, folder: Path) -> None:
    (folder / "finance.yaml").write_text("oops")
    assert not watch.changed()
    (folder / "finance.yaml").write_text("roles: {}\n")

    assert NOTHING == look(watch)


def test_written_twice_within_one_tick_of_the_clock(tmp_path: Path) -> None:
    # Nobody can order the ticks of a file system's clock: the file stands still, and another content is read of it.
    (tmp_path / "config.toml").touch()
    contents = ["one", "two", "two"]
    watch = Watch(lambda: [tmp_path / "config.toml"], read=lambda _: contents.pop(0).encode())

    assert NEW == look(watch)


def test_an_unchanged_file_is_not_read_at_each_look(folder: Path) -> None:
    read: list[str] = []

    def reading(path: Path) -> bytes:
        read.append(path.name)
        return path.read_bytes()

    watch = Watch(lambda: [folder], read=reading)
    for _ in range(10):
        watch.changed()

    assert ["finance.yaml", "data.yml"] * 2 == read


# --- Kubernetes -------------------------------------------------------------------------------------------------------


def _publish(mount: Path, version: str, files: dict[str, str]) -> None:
    """Write a ConfigMap's new version as kubelet does: a new directory, then one link swapped, then the old one away."""
    (mount / version).mkdir()
    for name, text in files.items():
        (mount / version / name).write_text(text)
    old = os.readlink(mount / "..data") if (mount / "..data").is_symlink() else ""
    (mount / "..data_tmp").symlink_to(version)
    (mount / "..data_tmp").replace(mount / "..data")
    for name in files:
        if not (mount / name).is_symlink():
            (mount / name).symlink_to(Path("..data", name))
    for link in [p for p in mount.iterdir() if not p.name.startswith("..") and p.name not in files]:
        link.unlink()
    if old:
        for path in (mount / old).iterdir():
            path.unlink()
        (mount / old).rmdir()


@pytest.mark.parametrize("path", ["", "finance.yaml"])
def test_a_config_map_gets_a_new_version(tmp_path: Path, path: str) -> None:
    _publish(tmp_path, "..2026_01_01", {"finance.yaml": "one"})
    watch = Watch(lambda: [tmp_path / path])
    assert NOTHING == look(watch)

    _publish(tmp_path, "..2026_01_02", {"finance.yaml": "two"})
    assert NEW == look(watch)
    _publish(tmp_path, "..2026_01_03", {"finance.yaml": "two"})
    assert NOTHING == look(watch)


def test_a_config_map_gets_and_loses_a_file(tmp_path: Path) -> None:
    _publish(tmp_path, "..1", {"finance.yaml": "one"})
    watch = Watch(lambda: [tmp_path])
    _publish(tmp_path, "..2", {"finance.yaml": "one", "more.yaml": "x"})
    assert NEW == look(watch)
    _publish(tmp_path, "..3", {"finance.yaml": "one"})
    assert NEW == look(watch)


def test_the_directory_is_a_link_that_is_swapped(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "finance.yaml").write_text(version)
    (tmp_path / "current").symlink_to("v1")
    watch = Watch(lambda: [tmp_path / "current"])
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").replace(tmp_path / "current")

    assert NEW == look(watch)


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_directory_goes_away_and_comes_back(watch: Watch, folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    assert NEW == look(watch)
    folder.with_name("away").rename(folder)
    assert NEW == look(watch)


def test_a_directory_becomes_empty(watch: Watch, folder: Path) -> None:
    (folder / "finance.yaml").unlink()
    (folder / "teams" / "data.yml").unlink()

    assert NEW == look(watch)


def test_the_configuration_goes_away_and_comes_back(watch: Watch, folder: Path) -> None:
    config = folder.parent / "config.toml"
    config.unlink()
    assert NEW == look(watch)
    config.write_text("[run]")
    assert NEW == look(watch)


@pytest.mark.parametrize(
    "unreadable",
    [
        pytest.param(lambda path: path.symlink_to("/proc/self/mem"), id="an I/O error, for root as well"),
        pytest.param(lambda path: path.symlink_to("nowhere"), id="a link to nothing"),
        pytest.param(lambda path: path.symlink_to(path.name), id="a link to itself"),
        pytest.param(Path.mkdir, id="a directory"),
    ],
)
@pytest.mark.parametrize("name", ["config.toml", "mappings/finance.yaml"])
def test_a_file_cannot_be_read_any_more(
    watch: Watch, folder: Path, unreadable: Callable[[Path], object], name: str
) -> None:
    path = folder.parent / name
    before = path.read_text()
    path.unlink()
    unreadable(path)
    assert NEW == look(watch)

    path.rmdir() if path.is_dir() else path.unlink()
    path.write_text(before)
    assert NEW == look(watch)


def test_other_paths_than_before_are_a_change(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")
    paths = [tmp_path / "a"]
    watch = Watch(lambda: paths)
    paths[:] = [tmp_path / "b"]

    assert NEW == look(watch)
