"""Which files beside the mapping files hold tests, as far as a pass cares.

What a pass sees to is that no such file holds roles or bindings, as one of this name could before: nobody is to lose by a name
what a file gave.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from syncd.mapping.keys import MAPPING_FILE
from syncd.mapping.reading import MappingReading
from syncd.text.document import Table, read_document

NAMES: Final = ("_tests.yaml", "_tests.yml")
EMPTY: Final = "the file is empty; write `tests:`, or delete the file"


def is_tests(file: str) -> bool:
    """Say whether a file holds the tests of a folder, in whatever letter case."""
    return PurePosixPath(file).name.casefold() in NAMES


def refuse_mappings(reading: MappingReading, file: str, content: bytes) -> None:
    """See that a file of tests is no mapping file of before; one that cannot be read may be one."""
    root = read_document(file, content, reading.strict.problems, empty=EMPTY)
    for name, _ in root.entries if isinstance(root, Table) else ():
        if name.text in MAPPING_FILE.known:
            said = f"`{name.text}` stands in a mapping file, and one of this name holds tests"
            reading.strict.wrong(name.at, f"{said}; move it, or rename the file")
