"""As many files are opened as the operating system lets one process open."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LITTLE = """
import resource
from syncd.daemon.open_files import connections, take_all
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 800))
limit = take_all()
print(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections(limit, workers=32), connections(64, workers=32))
"""


@pytest.mark.finding("X-F11")
def test_as_many_files_are_opened_as_may_be() -> None:
    said = subprocess.run([sys.executable, "-c", _LITTLE], capture_output=True, text=True, check=True)
    assert ["800", "800", "160", "1"] == said.stdout.split()
