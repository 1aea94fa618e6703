"""What a command that asks the daemon says, before anything is asked."""

from __future__ import annotations

import pytest

from syncd.cli import run

TOKEN = "planted-token-of-the-pipeline"


@pytest.mark.finding("N-102")
@pytest.mark.parametrize("url", ["https://a..b", "https://example.invalid/\u20ac"])
def test_an_address_that_no_request_can_have_is_no_defect(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNCD_TEST_TOKEN", TOKEN)
    assert run(["reconcile", "--url", url, "--token-env", "SYNCD_TEST_TOKEN"]) == 5
    assert "the daemon gave no answer" in capsys.readouterr().err
