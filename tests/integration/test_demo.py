"""The demo does the main job to the end; every command in it is checked by the demo itself, which stops at a wrong exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("airflow", ["stand-in", pytest.param("real", marks=pytest.mark.servers)])
def test_the_demo_runs_to_its_end(airflow: str) -> None:
    command = [sys.executable, "-m", "syncd", "demo", "--airflow", airflow]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert (0, "") == (ran.returncode, ran.stderr)
    deployments = 3 if airflow == "stand-in" else 2
    assert ran.stdout.splitlines()[-1].startswith("That was the demo: ")
    assert f"plan: nothing to do ({deployments} deployments" in ran.stdout, "the second plan is empty"
    assert f"{deployments} applied" in ran.stdout, "the leaver, once on each"
    assert "− delete on DAG plat_cleanup" in ran.stdout, "the damage is healed"
