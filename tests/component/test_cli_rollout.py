"""`rollout`, `rollout resume` and `rollout skip` as people type them, and where a rollout is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from test_cli_commands import Desk, airflow, desk

from syncd.sandbox.airflow import StandIn, serve

__all__ = ["airflow", "desk"]

ROLLOUT = '\n[rollout]\norder = [{ env = "dev" }, { env = "prod" }]\nsoak = "1h"\n'


@pytest.fixture
def waves(desk: Desk) -> Iterator[Desk]:
    """A fleet of two waves, both with the mapping as it was, and a change of it that came since."""
    with serve(StandIn("3.3.2")) as url:
        config = (desk.folder / "config.toml").read_text("utf-8")
        rest, dev = config.split("[deployments.dev]")
        at = dev.split('url = "')[1].split('"')[0]
        desk.write("config.toml", f"{rest}[deployments.dev]{dev}{prod_of(dev, at, url)}{ROLLOUT}")
        mapping = (desk.folder / "mappings/access.yaml").read_text("utf-8").replace("{ env: dev }", "all")
        desk.write("mappings/access.yaml", mapping)
        assert 0 == desk.types("apply")[0]
        desk.write("mappings/access.yaml", mapping.replace(f"roles: [{desk.team}]", f"roles: [{desk.team}, Viewer]"))
        yield desk


def prod_of(dev: str, at: str, url: str) -> str:
    return "\n[deployments.prod]" + dev.replace(at, url).replace('env = "dev"', 'env = "prod"')


def states(desk: Desk) -> tuple[int, dict[str, str]]:
    code, out, _ = desk.types("rollout", "-o", "json")
    return code, {one["deployment"]: one["state"] for one in json.loads(out)["rollout"]["deployments"]}


def test_a_change_reaches_the_first_wave_and_the_other_waits_everywhere_said(waves: Desk) -> None:
    assert (2, {"dev": "due", "prod": "waiting"}) == states(waves)
    code, out, _ = waves.types("apply")
    assert 0 == code
    assert "apply: 8 applied" in out
    assert "waits for wave env=dev (dev " in out, "prod is passed at the same time: dev may have begun by then"
    assert "syncd rollout skip -d prod --reason TEXT" in out
    assert (2, {"dev": "soaking", "prod": "waiting"}) == states(waves)
    code, out, _ = waves.types("rollout")
    assert (2, True) == (code, "is done on 0 of 2 deployments" in out)
    assert "waits for wave env=dev (dev soaks until " in " ".join(out.split())
    _, out, _ = waves.types("status", "--offline")
    assert "waits for wave env=dev" in out
    assert {"waits": True} == {
        "waits": waves.reads("status", "-d", "prod")["deployments"][0]["rollout"].startswith("waits")
    }
    code, out, _ = waves.types("plan", "-d", "prod")
    assert "8 people gain" in out, "a plan shows what the files will do"


def test_leavers_do_not_wait(waves: Desk) -> None:
    waves.types("apply")
    waves.members(*[f"user{n}" for n in range(1, 8)])
    code, out, _ = waves.types("apply", "-d", "prod")
    assert (0, True) == (code, "1 person loses" in out), out


def test_a_person_lets_it_pass_once_with_a_reason_that_is_kept(waves: Desk) -> None:
    waves.types("apply")
    assert 3 == waves.types("rollout", "skip")[0]
    assert "say why" in waves.types("rollout", "skip")[2]
    assert "dev is none that waits for a wave" in waves.types("rollout", "skip", "-d", "dev", "--reason", "x")[2]
    assert "no deployment halts the rollout" in waves.types("rollout", "resume", "--reason", "x")[1]
    code, out, _ = waves.types("rollout", "skip", "-d", "prod", "--reason", "incident 4711", "--as", "anna")
    assert (0, "the change is let through to prod\nno daemon runs: the next apply does so\n") == (code, out)
    assert (2, {"dev": "soaking", "prod": "due"}) == states(waves)
    assert "apply: 8 applied" in waves.types("apply", "-d", "prod")[1]
    assert (2, {"dev": "soaking", "prod": "soaking"}) == states(waves)


def test_without_waves_there_is_nothing_to_show(desk: Desk) -> None:
    assert {"rollout": None} == desk.reads("rollout")
    code, out, _ = desk.types("rollout")
    assert (0, True) == (code, out.startswith("there are no waves"))


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ('[{ env = "prd" }]', "rollout.order: no deployment has the labels env=prd; there are env=dev, name=dev"),
        (
            '[{ env = "dev" }, { name = "dev" }]',
            "rollout.order: every deployment with the labels name=dev is in an earlier wave",
        ),
        ("[]", "rollout.order"),
    ],
)
def test_a_wave_that_nobody_is_in_is_refused(desk: Desk, order: str, said: str) -> None:
    config = (desk.folder / "config.toml").read_text("utf-8")
    desk.write("config.toml", f"{config}\n[rollout]\norder = {order}\n")
    code, _, err = desk.types("rollout")
    assert (3, True) == (code, said in err), err


def test_an_older_mapping_that_the_configuration_has_outgrown_is_told_with_what_passes_it(waves: Desk) -> None:
    waves.types("apply")
    mapping = (waves.folder / "mappings/access.yaml").read_text("utf-8").replace("people:team", "staff:team")
    config = (waves.folder / "config.toml").read_text("utf-8").replace("[sources.people]", "[sources.staff]")
    waves.write("mappings/access.yaml", mapping)
    waves.write("config.toml", config)
    code, _, err = waves.types("apply")
    assert 3 == code
    assert "prod goes by mapping revision" in err
    assert "syncd rollout skip -d prod --reason TEXT" in err
    assert 0 == waves.types("rollout", "skip", "--reason", "the source has another name")[0]
    assert 3 != waves.types("plan")[0]
