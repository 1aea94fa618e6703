"""The log: JSON lines off a terminal, nothing secret, nothing long, and as much as was asked for."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.http.secrets import BLOT
from syncd.log import LONGEST, redact, set_up
from syncd.ports import Emit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def one(**facts: object) -> dict[str, Any]:
    stream = io.StringIO()
    set_up(verbose=True, stream=stream)("run_started", **facts)
    [line] = written(stream)
    return line


def test_an_event_is_one_line_of_json_with_its_facts() -> None:
    line = one(run=7, deployment="prod", names=("a", "b"), seconds=0.5, more={"x": None})

    assert ("run_started", "info", 7, "prod") == (line["event"], line["level"], line["run"], line["deployment"])
    assert (["a", "b"], 0.5, {"x": None}) == (line["names"], line["seconds"], line["more"])
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "facts",
    [
        {"password": "hunter2hunter2"},
        {"access_token": "hunter2hunter2"},
        {"headers": {"Authorization": "hunter2hunter2", "Cookie": ["hunter2hunter2"]}},
        {"error": "GET https://me:hunter2hunter2@airflow/: 403"},
        {"error": "sent Bearer hunter2hunter2 and basic hunter2hunter2=="},
        {"error": "Authorization: SSWS hunter2hunter2"},
        {"error": "token eyJhunter2hunter2.eyJzdWIi.c2ln is bad"},
        {"detail": ["x", ("Basic hunter2hunter2",)]},
    ],
)
def test_secrets_are_blotted_out(facts: dict[str, object]) -> None:
    line = json.dumps(one(**facts))

    assert "hunter2" not in line
    assert "[secret]" in line


def test_a_traceback_is_whole_but_for_its_secrets() -> None:
    error = ValueError("Bearer hunter2hunter2 " + "x" * 2 * LONGEST)

    said = one(exc_info=error)["exception"]

    assert "hunter2" not in said
    assert "x" * 2 * LONGEST in said


def test_long_texts_are_cut() -> None:
    assert "y" * LONGEST + f"… ({LONGEST + 1} characters)" == one(body="y" * (LONGEST + 1))["body"]
    assert "y" * LONGEST == one(body="y" * LONGEST)["body"]


def test_the_line_that_sums_up_a_run_has_the_peak_of_memory() -> None:
    stream = io.StringIO()
    set_up(verbose=True, stream=stream)("run_ended", run=1)

    assert 5 < written(stream)[0]["peak_mib"] < 50_000


EVENTS = ["run_started", "change_held", "deployment_failed", "change_unknown"]


def _all_levels(emit: Emit) -> None:
    for event in EVENTS[:3]:
        emit(event)
    emit("change_unknown", exc_info=ValueError("unexpected"))


@pytest.mark.parametrize(
    ("stream", "options", "events"),
    [
        pytest.param(io.StringIO, {}, EVENTS[1:], marks=pytest.mark.finding("U-B17")),
        (io.StringIO, {"verbose": True}, EVENTS),
        (io.StringIO, {"quiet": True}, EVENTS[2:]),
        (Terminal, {}, EVENTS[3:]),
        (Terminal, {"verbose": True}, EVENTS),
        (Terminal, {"quiet": True}, EVENTS[3:]),
    ],
)
def test_how_much_is_written(stream: type[io.StringIO], options: dict[str, bool], events: list[str]) -> None:
    out = stream()
    _all_levels(set_up(stream=out, **options))

    said = [event for event in EVENTS if event in out.getvalue()]
    assert events == said


@pytest.mark.finding("N-113")
@pytest.mark.finding("A-F15")
def test_names_cannot_act_on_who_reads_the_log_as_it_is() -> None:
    name = "a\u202e\x9b31m\u2028x\u200b\ud800\U000e0001 M\u00fcller"
    stream = io.StringIO()
    set_up(stream=stream)("source_failed", name=name)
    line = stream.getvalue()
    assert line.removesuffix("\n").isprintable()
    assert "M\u00fcller" in line
    assert name == json.loads(line)["name"]


def test_names_cannot_act_on_a_terminal() -> None:
    out = Terminal()
    set_up(verbose=True, stream=out)("deployment_failed", name="a\x1b[2Jb", error="c\nd")

    assert "\x1b[2J" not in out.getvalue()
    assert r"a\x1b[2Jb" in out.getvalue()
    assert 1 == out.getvalue().count("\n")


def spoken() -> Iterator[str]:
    """Give every text in the code of syncd that is no docstring."""
    for module in sorted((Path(__file__).parents[2] / "syncd").rglob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield node.value


def test_no_message_of_ours_names_a_kind_of_credential_as_if_a_secret_followed() -> None:
    assert [] == [text for text in spoken() if re.search(r"\b(basic|bearer|ssws)\b", text) and BLOT in logged(text)]


def logged(text: str) -> str:
    return str(redact(None, "", {"error": text})["error"])
