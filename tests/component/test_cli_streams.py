"""A command does its work and ends with its exit code, whatever its standard streams and arguments are."""

from __future__ import annotations

import errno
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import small_site

from syncd.cli import run
from syncd.cli.streams import Outlet

SYNCD = f"{shlex.quote(sys.executable)} -m syncd"
GIVEN_S = 120
NOBODY_LISTENS = small_site.CONFIG.replace("https://airflow.example.com", "http://127.0.0.1:9")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return small_site.written(tmp_path, config=NOBODY_LISTENS)


def shell(command: str, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, capture_output=True, text=True, timeout=GIVEN_S, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.finding("C-37")
@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("command", ["--version", "check", "plan", "audit"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_change_nothing(site: Path, command: str, closed: str) -> None:
    code, _, open_said = shell(f"{SYNCD} {command}", site)

    closed_code, _, said = shell(f"{SYNCD} {command} {closed}", site)

    assert code == closed_code
    assert "Traceback" not in open_said + said


@pytest.mark.finding("C-37")
def test_the_database_does_not_get_the_number_of_standard_output(site: Path) -> None:
    assert 5 == shell(f"{SYNCD} plan >&- 2>&-", site)[0]

    assert b"SQLite format 3" == (site / "syncd.db").read_bytes()[:15]
    assert 0 == shell(f"{SYNCD} audit", site)[0]


@pytest.mark.finding("A-F16")
def test_a_full_device_is_told_and_counts(site: Path) -> None:
    code, _, said = shell(f"{SYNCD} check > /dev/full", site)

    assert (1, "syncd: standard output: No space left on device; what was to be shown is not whole\n") == (code, said)
    assert 3 == shell(f"echo x > config.toml; {SYNCD} check > /dev/full 2> /dev/full", site)[0]


@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("command", ["check", "--help"])
def test_a_pipe_that_nobody_reads_changes_no_exit_code(site: Path, command: str) -> None:
    code, said, errors = shell(f"{SYNCD} {command} | true; echo ${{PIPESTATUS[0]}}", site)

    assert (0, "0\n", "") == (code, said, errors)


@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("arguments", ["explain $'\\xff'", "reconcile -u $'a\\xff'", "--config $'\\xff' check"])
def test_an_argument_that_is_not_utf_8_is_refused(site: Path, arguments: str) -> None:
    code, _, said = shell(f"{SYNCD} {arguments}", site)

    assert 3 == code
    assert said.startswith("syncd: this argument is not UTF-8 text: ")
    assert "\\udcff" in said


def test_other_arguments_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert 3 == run(["--config", "grüße-日本.toml", "check"])

    assert "grüße-日本.toml: there is no such file" in capsys.readouterr().err


@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("module", ["syncd.cli", "typer", "syncd.config", "syncd.errors"])
def test_an_interrupt_while_modules_are_imported_is_no_traceback(site: Path, module: str) -> None:
    program = f"""
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "{module}":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
sys.argv = ["syncd", "check"]
from syncd.__main__ import main
main()
"""
    command = [sys.executable, "-c", program]

    done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=GIVEN_S, check=False)

    assert 130 == done.returncode
    assert done.stderr.startswith("syncd: interrupted")
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.finding("A-F14")
@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [("000", 0o644, 0o755), ("077", 0o600, 0o700)])
def test_nobody_else_may_write_what_init_made(tmp_path: Path, umask: str, file_mode: int, folder_mode: int) -> None:
    assert 0 == shell(f"umask {umask}; {SYNCD} -c deep/config.toml init", tmp_path)[0]

    made = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]

    assert {file_mode} == {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()}
    assert {folder_mode} == {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()}


@pytest.mark.finding("C-42")
@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_the_doctor_names_a_secret_that_everybody_may_read(site: Path, mode: int, is_told: bool) -> None:
    (site / "token").write_text("planted-token", encoding="utf-8")
    (site / "token").chmod(mode)
    config = (site / "config.toml").read_text("utf-8")
    (site / "config.toml").write_text(config.replace('{env = "TOKEN"}', '{file = "token"}'), encoding="utf-8")

    _, said, _ = shell(f"{SYNCD} doctor", site)

    assert is_told == (
        f"everybody on this machine may read {site}/token (mode {mode:04o}): chmod 600" in " ".join(said.split())
    )
    assert "planted" not in said


@pytest.mark.finding("A-F14")
def test_the_doctor_names_a_database_that_everybody_may_read(site: Path) -> None:
    shell(f"{SYNCD} doctor", site)
    (site / "syncd.db").chmod(0o644)

    assert "syncd.db (mode 0644): chmod 600" in shell(f"{SYNCD} doctor", site)[1]


def test_an_outlet_takes_everything_and_remembers_the_first_error() -> None:
    read, write = os.pipe()
    outlet = Outlet(write)
    assert 2 == outlet.write(b"ab")
    os.close(read)

    assert (3, 1) == (outlet.write(b"abc"), outlet.write(b"d"))

    assert outlet.lost is not None
    assert errno.EPIPE == outlet.lost.errno
    os.close(write)
