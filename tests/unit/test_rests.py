"""A provider that wants to be left alone is: by every source, process and command, and for no longer than is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd import app
from syncd.config import load
from syncd.http.rests import LONGEST_S, OwnRests, Rest

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Time:
    """Both clocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@pytest.mark.finding("C-50")
def test_what_one_hears_holds_for_all_who_ask_the_same() -> None:
    time, kept = Time(), OwnRests()
    one, other, else_ = (Rest(who, kept, now=time.now, monotonic=time.monotonic) for who in ("a", "a", "b"))
    assert 0.0 == other.left_s()
    one.heard(150.0)
    time.seconds = 1.0  # others look once in a second
    assert (149.0, 149.0, 0.0) == (one.left_s(), other.left_s(), else_.left_s())
    assert "Graph asked to be left alone until 12:02:30 UTC (Retry-After); nothing is asked of it before" == other.why(
        "Graph"
    )
    one.heard(5.0)
    assert 149.0 == one.left_s(), "an earlier end changes nothing"
    time.seconds = 150.0
    assert (0.0, 0.0) == (one.left_s(), other.left_s())


@pytest.mark.finding("C-50")
def test_no_more_than_an_hour_is_believed_whatever_the_clock_says() -> None:
    time, kept = Time(), OwnRests()
    rest = Rest("a", kept, now=time.now, monotonic=time.monotonic)
    rest.heard(1e12)
    assert rest.left_s() == LONGEST_S
    set_back = Rest("a", kept, now=lambda: NOON - timedelta(days=2), monotonic=time.monotonic)
    assert set_back.left_s() == LONGEST_S


@pytest.mark.finding("C-50")
@pytest.mark.parametrize(
    ("source", "provider"),
    [
        (
            'type = "okta"\nurl = "https://a.okta.com"\nauth = { kind = "token", token = { env = "T" } }',
            "okta https://a.okta.com",
        ),
        (
            'type = "entra"\ntenant = "t"\nclient_id = "c"\nauth = { kind = "client_secret", secret = { env = "S" } }',
            "entra https://graph.microsoft.com/v1.0 t",
        ),
    ],
)
def test_doctor_asks_no_provider_that_wants_rest(tmp_path: Path, source: str, provider: str) -> None:
    groups = "[{ all = true }]" if "entra" in provider else "{ all = true }"
    deployment = 'url = "http://localhost:8080"\nauth = { kind = "bearer", token = { env = "T" } }\n'
    text = f"[sources.people]\n{source}\ngroups = {groups}\n[deployments.prod]\n{deployment}"
    (tmp_path / "syncd.toml").write_text(text)
    (tmp_path / "mappings").mkdir()
    kept = OwnRests()
    kept.let_rest(provider, NOON + timedelta(seconds=90))
    [examine, _] = app.examinations(load(tmp_path / "syncd.toml"), clock=lambda: NOON, rests=kept)
    [finding] = examine()
    assert (finding.subject, finding.check, finding.ok) == ("source people", "rate limits", None)
    assert "asked to be left alone until 12:01:30 UTC" in finding.detail
