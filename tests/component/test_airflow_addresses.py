"""What is said of an address at which no Airflow answers, or not the whole of it: each wants another repair."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow_world import World, world

from syncd.errors import TargetUnauthorized, TargetUnavailable
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.airflow.answers import AirflowAnswer, answer
from syncd.sandbox.airflow.faults import Instead, on

HTML = "text/html; charset=utf-8"


def page(status: int, *, to: str = "") -> Instead:
    headers = (("Location", to),) if to else ()
    return Instead(AirflowAnswer(status, b"<html></html>", HTML, headers))


def said(w: World, kind: type[TargetUnavailable] = TargetUnavailable) -> str:
    with pytest.raises(kind) as e:
        w.target(kinds=("token",)).look()
    assert kind is type(e.value) or kind is TargetUnavailable
    assert "base_url" not in str(e.value).replace("[api] base_url", ""), "the key is called url"
    return str(e.value)


@pytest.mark.finding("C-30")
@pytest.mark.parametrize(
    ("fault", "todo"),
    [
        (page(503), "503 with a web page; the server is away for now (503): try again later"),
        (page(502), "the server, or a proxy before it, is broken: look at its log, and try again"),
        (page(200), "look at `url`, its path included"),
        (page(404), "look at `url`, its path included"),
    ],
)
def test_a_server_that_is_away_is_not_told_to_be_elsewhere(fault: Instead, todo: str, tmp_path: Path) -> None:
    with world(StandIn("2.11.2"), tmp_path) as w:
        w.server.faults.add(fault)
        text = said(w)
        assert todo in text
        assert "bearer" not in text


@pytest.mark.finding("C-30")
def test_a_move_to_https_is_no_login(tmp_path: Path) -> None:
    with world(StandIn("2.11.2"), tmp_path) as w:
        for generation in (1, 2):
            path = f"/api/v{generation}/version"
            w.server.faults.add(page(301, to=w.url.replace("http:", "https:") + path), on("GET", path))
        text = said(w)
        assert f"the server has moved: write https:// in `url`, which is {w.url}" in text
        assert "login" not in text


@pytest.mark.finding("C-30")
@pytest.mark.parametrize(
    "fault",
    [
        page(302, to="https://sso.example/login"),
        page(302, to="//["),
        page(302),
        page(401),
        Instead(answer({"detail": "Forbidden"}, 403)),
    ],
)
def test_a_login_in_front_is_told_with_the_keys_that_help(fault: Instead, tmp_path: Path) -> None:
    with world(StandIn("2.11.2"), tmp_path) as w:
        w.server.faults.add(fault)
        assert "wants a login: set a credential of kind `bearer` or `headers`; or it is another address" in said(
            w, TargetUnauthorized
        )


@pytest.mark.finding("R-F7")
def test_a_path_that_is_missing_on_airflow_2_is_told(tmp_path: Path) -> None:
    with world(StandIn("2.11.2", path="/air/flow"), tmp_path) as w:
        w.url = w.url.removesuffix("/air/flow")
        assert "look at `url`, its path included" in said(w)


@pytest.mark.finding("R-F7")
@pytest.mark.parametrize("known", [False, True], ids=["for the first time", "known"])
def test_a_path_that_is_missing_on_airflow_3_is_told_wherever_it_shows(known: bool, tmp_path: Path) -> None:
    with world(StandIn("3.3.2", path="/air/flow"), tmp_path) as w:
        learned = w.target().look() if known else None
        w.url = w.url.removesuffix("/air/flow")
        with pytest.raises(TargetUnavailable, match=r"has the server a path \(\[api\] base_url\) that `url` lacks"):
            w.target(learned).look()


@pytest.mark.finding("R-F7")
def test_a_sign_in_that_is_broken_for_now_is_not_called_another_server(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        w.server.faults.add(page(502), on("POST", "/auth/token"))
        text = said(w)
        assert "502 with a web page; the server, or a proxy before it, is broken" in text
        assert "path" not in text
