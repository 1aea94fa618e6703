"""The schemas that editors read, and the tables of keys in docs/mapping.md; SYNCD_GOLDEN=write rewrites both.

Every file of the project and the pages that the parser takes a schema takes too; `schema/refused.txt` says where it has something
against those that are wrong, and those that it takes are wrong in what they mean.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from schema_world import against, refused

from syncd.cli.init import CONFIG, MAPPING
from syncd.cli.schema_files import SchemaOf, schema_of
from syncd.errors import Problem
from syncd.mapping.keys import SCOPE
from syncd.mapping.reference import HEAD, TABLES, TABLES_OF_TESTS, TOLD, table, with_tables
from syncd.text.document import Table, read_document

GOLDEN = Path(__file__).parent / "schema"
BAD = Path(__file__).parent / "mapping" / "bad"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mapping.md"
PAGES = {PAGE: TABLES, ROOT / "docs" / "mapping-tests.md": TABLES_OF_TESTS}
CONFIGS = sorted([ROOT / "config.example.toml", *ROOT.glob("deploy/*/config.toml")])
MAPPINGS = sorted([*ROOT.glob("mappings/**/*.yaml"), *ROOT.glob("deploy/**/mappings/**/*.yaml")])
BLOCK = re.compile(
    r"^```yaml\n((?:(?!^```).)*)^```$(?!\n\n```console\n\$ syncd check\nmappings/)", re.MULTILINE | re.DOTALL
)
"""What a page shows in YAML, but for what it shows the mistakes of."""
MEANING = {
    "cascade",
    "defined-twice",
    "group-reserved",
    "pattern-brackets",
    "pattern-scope-labels",
    "pattern-scopes",
    "permission-wildcard",
    "resource-length",
    "role-name",
    "scope",
    "scope-mistakes",
    "scope-nothing",
    "unknown-role",
    "unknown-source",
}
"""The mistakes that no schema can know: they are between lines or files, or in what the configuration and the target say."""
TESTS = re.compile(r"^tests:$", re.MULTILINE)
SHOWN_TESTS = [
    block for block in BLOCK.findall((ROOT / "docs" / "mapping-tests.md").read_text("utf-8")) if TESTS.search(block)
]
SHOWN = [
    (page.name, block)
    for page in sorted((ROOT / "docs").glob("*.md"))
    for block in BLOCK.findall(page.read_text("utf-8"))
    if re.match(r"(#.*\n)*(vars|defaults|roles|bindings):$", block, re.MULTILINE) and "..." not in block
]


def written(file: Path, actual: str) -> str:
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def readable() -> dict[str, bytes]:
    """Give the wrong mapping files that are YAML at least."""
    found = {}
    for path in sorted(BAD.rglob("*.yaml")):
        problems: list[Problem] = []
        if read_document(path.name, path.read_bytes(), problems) is not None and not problems:
            found[str(path.relative_to(BAD))] = path.read_bytes()
    return found


# --- schemas and pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", SchemaOf)
def test_a_schema_is_one_and_says_this(of: SchemaOf) -> None:
    Draft7Validator.check_schema(schema_of(of))
    actual = json.dumps(schema_of(of), indent=2) + "\n"

    assert written(GOLDEN / f"{of}.json", actual) == actual


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_the_tables_of_the_keys(path: Path) -> None:
    page, tables = path.read_text("utf-8"), PAGES[path]

    assert written(path, with_tables(page, tables)) == with_tables(page, tables)
    assert len(tables) == page.count(HEAD)
    assert [] == [
        heading for heading, record in tables.items() if table(record) not in page.split(f"\n{heading}\n")[-1]
    ]


@pytest.mark.parametrize("heading", TOLD)
def test_the_page_tells_each_of_these_keys(heading: str) -> None:
    section = PAGE.read_text("utf-8").split(f"\n{heading}\n")[1].partition("\n#")[0]

    assert [] == [key for key in TOLD[heading].known if not re.search(rf"\b{key}\b[`:]", section)]


def test_the_page_shows_each_key_of_a_scope() -> None:
    block = next(
        block for block in BLOCK.findall(PAGE.read_text("utf-8")) if block.startswith("# mappings/finance/_scope")
    )
    root = read_document("_scope.yaml", block.encode(), [])

    assert isinstance(root, Table)
    assert SCOPE.known == tuple(name.text for name, _ in root.entries)
    assert [] == refused("_scope.yaml", block.encode())


# --- what they take and refuse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_the_mapping_files_of_the_project_are_taken(path: Path) -> None:
    assert [] == refused(path.name, path.read_bytes())


@pytest.mark.parametrize(("page", "block"), SHOWN)
def test_what_the_pages_show_is_taken(page: str, block: str) -> None:
    whole = block if re.search(r"^(roles|bindings):", block, re.MULTILINE) else f"{block}bindings: []\n"

    assert [] == refused(page, whole.encode())


@pytest.mark.parametrize("block", SHOWN_TESTS)
def test_the_tests_that_the_page_shows_are_taken(block: str) -> None:
    assert [] == refused("_tests.yaml", block.encode())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_configurations_of_the_project_are_taken(path: Path) -> None:
    assert [] == against(SchemaOf.CONFIG, tomllib.loads(path.read_text("utf-8")))


def test_what_init_writes_is_taken() -> None:
    assert [] == refused("access.yaml", MAPPING.encode())
    assert [] == against(SchemaOf.CONFIG, tomllib.loads(CONFIG))


def test_a_wrong_file_is_refused_or_is_wrong_in_what_it_means() -> None:
    places = {
        name: sorted({line.partition(": ")[0] for line in refused(name, text)}) for name, text in readable().items()
    }
    said = "".join(f"{name}: {' '.join(where) or 'nothing'}\n" for name, where in places.items())

    assert written(GOLDEN / "refused.txt", said) == said
    assert MEANING == {name.partition("/")[0].partition(".")[0] for name, where in places.items() if not where}
