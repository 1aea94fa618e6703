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


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with its files."""
    for name, text in {"config.toml": CONFIG, "people/p.yaml": PEOPLE, "mappings/m.yaml": MAPPING}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path
