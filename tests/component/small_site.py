"""The smallest site there is: one source, one deployment, and a line that gives something."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "https://airflow.example.com"
auth = {kind = "bearer", token = {env = "TOKEN"}}
"""
PEOPLE = "people: [{login: anna}]\ngroups: [{name: crew, members: [anna]}]\n"
MAPPING = "bindings:\n- {group: 'people:crew', roles: [Viewer], deployments: all}\n"


def written(folder: Path, *, config: str = CONFIG, people: str = PEOPLE, mapping: str = MAPPING) -> Path:
    """Write its files into a folder, with what a test wants otherwise."""
    for name, text in {"config.toml": config, "people/p.yaml": people, "mappings/m.yaml": mapping}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with its files."""
    return written(tmp_path)
