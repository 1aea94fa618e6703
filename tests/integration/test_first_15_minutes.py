"""docs/first-15-minutes.md, done as it says on a real Airflow 3: its files, its commands, and what it says that they print."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from waiting import until

from syncd.sandbox.servers import RealAirflow

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-15-minutes.md"
ONE_MORE_TRY = ("It is up after a few seconds", "Within a minute")
"""What the page says before commands that show what comes by itself: they are tried until it is there."""


@dataclass(frozen=True)
class Step:
    """A file that the page has somebody write, or commands with what they are said to print."""

    file: str
    text: str
    printed: tuple[str, ...]
    waits: bool


def steps(page: str) -> Iterator[Step]:
    """Take the blocks out of the page; no block is left out."""
    blocks = list(re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    for number, block in enumerate(blocks):
        before = page[blocks[number - 1].end() if number else 0 : block.start()].rstrip().rpartition("\n\n")[2]
        named = re.fullmatch(r"`([\w./]+)`:", before)
        if block[1] == "text":
            assert blocks[number - 1][1] == "sh", f"printed by nothing:\n{block[2]}"
        elif named:
            yield Step(named[1], block[2], (), waits=False)
        else:
            assert block[1] == "sh", f"neither a file nor a command:\n{block[2]}"
            after = blocks[number + 1] if number + 1 < len(blocks) else None
            printed = tuple(after[2].splitlines()) if after and after[1] == "text" else ()
            yield Step("", block[2], printed, waits=before.startswith(ONE_MORE_TRY))


def says(printed: str, line: str) -> bool:
    """Say whether a line of the page is among what was printed; three dots stand for anything."""
    wanted = ".*".join(re.escape(part) for part in line.split("..."))
    return any(re.fullmatch(wanted, one) for one in printed.splitlines())


class Shell:
    """One shell, in which all of the page is typed; it ends at the first command that fails."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._log = folder / "typed.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["bash", "-e"],
                cwd=folder / "syncd",
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._typed = 0

    def types(self, commands: str) -> str:
        """Type commands; gives what they print once they have ended."""
        self._typed += 1
        end, stdin = f"typed {self._typed}", self._process.stdin
        assert stdin is not None
        before = len(self._log.read_text())
        stdin.write(f"{commands}\necho {end} in $PWD\n")
        stdin.flush()
        until(
            f"this has ended: {commands}",
            lambda: f"{end} in" in self._log.read_text() or self._process.poll() is not None,
            within_s=900,
            told=self._log.read_text,
        )
        said = self._log.read_text()[before:]
        assert f"{end} in" in said, f"{commands} failed:\n{said}"
        self.folder = Path(said.rpartition(f"{end} in ")[2].strip())
        return said

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def end(self) -> None:
        """End it and all that it began."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        subprocess.run(["pkill", "-KILL", "-s", str(self._process.pid)], check=False)
        self._process.wait()


@contextmanager
def kept_port() -> Iterator[int]:
    """Keep a port for one server, so that nobody else is given it before that listens."""
    with closing(socket.socket()) as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@contextmanager
def typing(folder: Path, server: RealAirflow) -> Iterator[Shell]:
    """Give a shell in a clone, in which the server's own command works."""
    clone, programs = folder / "syncd", folder / "programs"
    shutil.copytree(ROOT / "syncd", clone / "syncd", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    programs.mkdir()
    (programs / "airflow").symlink_to(server._venv / "bin" / "airflow")
    env = {**os.environ, **server._env, "PATH": f"{os.environ['PATH']}:{programs}"}
    env.pop("VIRTUAL_ENV", None)
    shell = Shell(folder, env)
    try:
        yield shell
    finally:
        shell.end()


def roles_of(server: RealAirflow, name: str) -> list[str]:
    who = {"username": server.username, "password": server.password}
    token = requests.post(f"{server.url}/auth/token", json=who, timeout=120).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    found = requests.get(f"{server.url}/auth/fab/v1/users/{name}", headers=headers, timeout=120)
    return [role["name"] for role in found.json()["roles"]]


@pytest.mark.servers
@pytest.mark.timeout(3600)
@pytest.mark.finding("U-3")
def test_the_first_fifteen_minutes_are_as_the_page_says(tmp_path: Path) -> None:
    with (
        RealAirflow("3.3.2") as server,
        kept_port() as okta,
        typing(tmp_path, server) as shell,
    ):
        page = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", server.url).replace("8090", str(okta))
        for step in steps(page):
            if step.file:
                shell.write(step.file, step.text)
            else:
                does(shell, step)
        assert [] == roles_of(server, "bob@example.com")
        assert ["analyst"] == roles_of(server, "anna@example.com") == roles_of(server, "carla@example.com")


def does(shell: Shell, step: Step) -> None:
    """Type the commands of a step, and see that they print what the page says."""
    said = [shell.types(step.text)]

    def is_shown() -> bool:
        if all(says(said[0], line) for line in step.printed):
            return True
        assert step.waits, f"{step.text} does not print {step.printed}, but:\n{said[0]}"
        said[0] = shell.types(step.text)
        return False

    until(f"{step.text} prints {step.printed}", is_shown, within_s=300, told=lambda: said[0])


def test_every_block_of_the_page_is_a_step() -> None:
    found = list(steps(PAGE.read_text(encoding="utf-8")))
    assert ["groups.toml", "config.toml", "mappings/access.yaml"] == [step.file for step in found if step.file]
    assert [True, True] == [True for step in found if step.waits]
    assert all(step.printed for step in found if step.waits)
