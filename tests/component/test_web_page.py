"""docs/http-api.md: its examples work, and it names every path, right and key."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from store_samples import left, planned
from web_world import Place, http_settings, secret_of, serving

from syncd.model import Held
from syncd.store import Stores
from syncd.web.endpoints import ENDPOINTS

PAGE = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text(encoding="utf-8")


@pytest.fixture
def place(migrated_file: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copy(migrated_file, tmp_path / "syncd.db")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        planned(store, left("bob", "Op"), held=Held((left("bob", "Op"),), ("why",), "prod"))
        with serving(store, tmp_path, http_settings(tmp_path)) as place:
            yield place


def run(line: str, place: Place) -> int:
    """Do what curl would; gives the status."""
    words = shlex.split(line.replace("$TOKEN", secret_of("reader")))[1:]
    caller, method, body, headers = place.outside(), "GET", None, {}
    while len(words) > 1:
        match words[:2]:
            case "--unix-socket", _:
                caller = place.inside
            case "-H", header:
                name, _, value = header.partition(": ")
                headers[name] = value
            case "-d", text:
                method, body = "POST", text.encode()
            case "-X", other:
                method = other
            case option:
                raise AssertionError(f"curl has no {option} here")
        words = words[2:]
    for id_ in place.control.jobs:
        place.control.end(id_)
    url = urlsplit(words[0])
    return caller.says(method, f"{url.path}{'?' if url.query else ''}{url.query}", body, headers=headers).status


def test_the_examples_work(place: Place) -> None:
    lines = re.findall(r"^curl .+$", PAGE, re.MULTILINE)

    said = {line: run(line, place) for line in lines}

    assert 9 == len(said)
    assert {} == {line: status for line, status in said.items() if status not in (200, 202)}


def test_every_path_is_on_the_page_with_its_rights_and_keys() -> None:
    rows = {row.split("|")[1].strip(): row for row in PAGE.splitlines() if row.startswith(("| `GET", "| `POST"))}

    assert {f"`{e.method} {e.path}`" for e in ENDPOINTS} | {"`GET /openapi.json`"} == set(rows)
    for endpoint in ENDPOINTS:
        row = rows[f"`{endpoint.method} {endpoint.path}`"]
        assert not [key.name for key in endpoint.query if f"{key.name}=" not in row]
        if len(endpoint.needs) == 1:
            assert f"`{next(iter(endpoint.needs))}`" in row
