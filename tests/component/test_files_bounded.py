"""No file that somebody wrote holds a command up: what is too large, too deep or too much of one kind is refused.

Each file goes to `syncd check` in a process of its own, because code that does not end cannot be stopped in this one. The time
that it is given is far more than it needs; what these tests had before did not end in minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_site import site

from syncd.config.load import LARGEST, MAPPING_FILES
from syncd.errors import SHOWN
from syncd.files import FileRefused, read_file
from syncd.text.document import MOST_MERGED

__all__ = ["site"]

GIVEN_S = 120
STEP = 300


def check(site: Path) -> tuple[int, list[str]]:
    """Run `syncd check`; gives the exit code, and what it said."""
    command = [sys.executable, "-m", "syncd", "--config", "config.toml", "check"]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, timeout=GIVEN_S, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, (done.stdout + done.stderr).splitlines()


def refused(site: Path, file: str, text: str) -> list[str]:
    """Write a file, and give what `syncd check` says of it, which has to begin with its name."""
    (site / file).write_text(text, encoding="utf-8")
    code, said = check(site)
    assert 3 == code
    assert said[0].startswith(file), said
    assert len(said) <= SHOWN + 1
    return said


def test_the_site_is_good(site: Path) -> None:
    assert 0 == check(site)[0]


CHAIN = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], k: 1}}\n" for i in range(1, STEP))
LISTS = "a0: &a0 {x: 1}\na1: &a1 [" + ", ".join(["*a0"] * 10) + "]\n"
LISTS += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(2, 9)) + "roles:\n  r: {<<: *a8}\n"


@pytest.mark.finding("A-F4")
@pytest.mark.parametrize("text", [CHAIN, LISTS], ids=["chain", "lists in lists"])
@pytest.mark.parametrize("file", ["mappings/m.yaml", "people/p.yaml"])
def test_merge_keys_cannot_multiply(site: Path, file: str, text: str) -> None:
    if file.startswith("mappings"):
        refused(site, file, text)
    else:
        (site / file).write_text(text, encoding="utf-8")
        assert 3 == check(site)[0]


@pytest.mark.finding("A-F4")
def test_merge_keys_bring_a_bounded_number_of_entries(site: Path) -> None:
    wide = "a: &a {" + ", ".join(f"x{n}: 1" for n in range(500)) + "}\n"

    said = refused(site, "mappings/m.yaml", f"{wide}b: {{<<: [{', '.join(['*a'] * (MOST_MERGED // 500 + 1))}]}}\n")

    assert re.match(r"mappings/m\.yaml:1:4: the merge keys .* more than 200,000 entries", said[0])


TOML = {
    "unclosed text in a table": 'socket = """s.sock and ' + "some more words after it, " * 400,
    "unclosed text in a list": 'kinds = ["""", "source_failed", "' + "database_down and some more " * 400,
    "unclosed single quotes": "socket = '''" + "a' b '' c" * 2000,
    "a key of many parts": "a" + ".a" * 400_000 + " = 1",
    "a header of many parts": "[" + "a." * 400_000 + "a]",
    "many lists": "a = " + "[" * 100_000,
    "many tables": "a = " + "{a=" * 100_000,
    "many digits": "[run]\nworkers = " + "9" * 5000,
    "many unknown keys": "".join(f"key{n} = 1\n" for n in range(20_000)),
}


@pytest.mark.finding("A-F3")
@pytest.mark.finding("A-F7")
@pytest.mark.parametrize("name", TOML)
def test_no_configuration_holds_check_up(site: Path, name: str) -> None:
    said = refused(site, "config.toml", f"{TOML[name]}\n")

    assert re.match(r"config\.toml:\d+:\d+: ", said[0])


MANY = {
    "permissions": "roles:\n  r:\n    permissions:\n" + "      - can_reed on X\n" * 10_000,
    "ids": "roles:\n  r:\n    dags:\n    - level: vew\n      id:\n" + "".join(f"      - x{n}\n" for n in range(10_000)),
    "misspelt roles": "roles:\n"
    + "".join(f"  rolenumber{n}: {{permissions: [can_read on Pools]}}\n" for n in range(1_000))
    + "bindings:\n"
    + "".join(f"- {{group: 'people:crew', roles: [rolenumbr{n}x], deployments: all}}\n" for n in range(1_000)),
    "the same key": "roles:\n" + "  a: {}\n" * 20_000,
    "unknown keys": "".join(f"key{n}: 1\n" for n in range(10_000)),
}


@pytest.mark.finding("A-F10")
@pytest.mark.parametrize("name", MANY)
def test_many_mistakes_are_found_in_linear_time_and_the_first_are_told(site: Path, name: str) -> None:
    said = refused(site, "mappings/m.yaml", MANY[name])

    if name != "ids":
        assert SHOWN + 1 == len(said)
        assert re.fullmatch(r"and [0-9,]+ more", said[-1])


@pytest.mark.finding("A-F10")
def test_many_entries_of_a_list_are_compared_once_each(site: Path) -> None:
    lines = "".join(f"      - can_read on X{n}\n" for n in range(20_000))
    (site / "mappings/m.yaml").write_text(f"roles:\n  r:\n    permissions:\n{lines}", encoding="utf-8")

    assert 0 == check(site)[0]


@pytest.mark.finding("A-F17")
@pytest.mark.parametrize(
    ("file", "size"),
    [("config.toml", LARGEST), ("mappings/m.yaml", MAPPING_FILES.largest[".yaml"]), ("people/p.yaml", 8 * 2**20)],
)
def test_a_file_above_its_bound_is_refused_before_it_is_parsed(site: Path, file: str, size: int) -> None:
    with (site / file).open("a", encoding="utf-8") as grown:
        grown.write("#" * (size + 1 - grown.tell()))

    code, said = check(site)

    assert 3 == code
    assert "larger than" in said[0]
    assert file in said[0]


@pytest.mark.finding("A-F17")
def test_many_mapping_files_above_the_bound_of_all_are_refused(site: Path) -> None:
    most = MAPPING_FILES.largest[".yaml"]
    for number in range(MAPPING_FILES.together // most):
        (site / f"mappings/{number}.yaml").write_text("#" * most, encoding="utf-8")

    code, said = check(site)

    assert (3, True) == (code, "larger than 8 MiB together" in said[0])


@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("file", ["config.toml", "mappings/m.yaml", "people/p.yaml"])
def test_a_pipe_is_not_waited_for(site: Path, file: str) -> None:
    (site / file).unlink()
    os.mkfifo(site / file)

    code, said = check(site)

    assert 3 == code
    assert file in said[0]
    assert "not a regular file" in said[0] or "is not a file" in said[0]


@pytest.mark.finding("A-F16")
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(path: str) -> None:
    with pytest.raises(FileRefused, match="not a regular file"):
        read_file(Path(path), largest=100)


def test_a_file_of_just_the_bound_is_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)

    assert b"x" * 100 == read_file(tmp_path / "f", largest=100)
    with pytest.raises(FileRefused, match="larger than 99 bytes"):
        read_file(tmp_path / "f", largest=99)
