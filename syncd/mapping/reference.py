"""The tables of docs/mapping.md and docs/mapping-tests.md, made from the table of `keys`: what is documented is what is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from syncd.mapping.key_shapes import KeyTable
from syncd.mapping.keys import BINDING, DEFAULTS, ENTRY, LABEL_TEST, MAPPING_FILE, ROLE, WHERE, WINDOW
from syncd.mapping.keys_of_tests import GIVEN, TEST

HEAD: Final = "| key | | what to write |\n|---|---|---|\n"
TABLES: Final = {
    "# The mapping language": MAPPING_FILE,
    "## roles": ROLE,
    "### Which DAGs": ENTRY,
    "## bindings": BINDING,
    "### during": WINDOW,
}
TABLES_OF_TESTS: Final = {"## What a test says": TEST, "## In which world": GIVEN}
"""The headings of each page below which a table of keys is the first, each with the record that it shows."""
TOLD: Final = {"### deployments": LABEL_TEST, "### defaults": DEFAULTS, "### where": WHERE}
"""The headings below which all keys of a record are told in words."""


def with_tables(page: str, tables: Mapping[str, KeyTable] = TABLES) -> str:
    """Give a page with its tables as they should be; what is not there is not put there."""
    for heading, record in tables.items():
        shown = re.compile(rf"(?ms)(^{re.escape(heading)}$(?:(?!^#).)*?){re.escape(HEAD)}(?:\|[^\n]*\n)*")
        page = shown.sub(lambda found, record=record: f"{found[1]}{table(record)}", page, count=1)  # type: ignore[misc]
    return page


def table(record: KeyTable) -> str:
    """Write the keys of a record as a table."""
    rows = (f"| `{key.name}` | {record.need(key.name)} | {key.says} |\n" for key in record.keys)
    return f"{HEAD}{''.join(rows)}"
