"""A provider that wants to be left alone is: by every source, process and command, and for no longer than is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd import app
from syncd.config import load
from syncd.http.rests import OwnRests

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


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
    [result] = examine()
    assert (result.subject, result.check, result.ok) == ("source people", "rate limits", None)
    assert "asked to be left alone until 12:01:30 UTC" in result.detail
