"""Alarms by Apprise: what it is given, what is said where it fails, and that no address is told; once with the library itself."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from notify_world import HELD, Sending

from syncd.config import load
from syncd.errors import ConfigInvalid
from syncd.http.secrets import Secret
from syncd.notify import Channel, apprise_child, channels

OVER = replace(HELD, firing=False)
CONFIG = """[[notify.channels]]
url = { env = "TEAMS" }
kinds = ["held"]
ends = false
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "https://prod.example.com"
auth = { kind = "basic", username = "syncd", password = { env = "PW" } }
"""


@dataclass
class Library:
    """Stands in for the library: takes addresses of one scheme, and delivers or not."""

    delivers: bool = True
    said: list[dict[str, Any]] = field(default_factory=list)
    NotifyType: ClassVar = SimpleNamespace(FAILURE="failure", SUCCESS="success")
    NotifyFormat: ClassVar = SimpleNamespace(TEXT="text")

    def AppriseAsset(self, **settings: Any) -> dict[str, Any]:  # noqa: N802 - the name in the library
        return settings

    def Apprise(self, *, asset: dict[str, Any]) -> Any:  # noqa: N802 - the name in the library
        assert asset["service_timeout"] == 5
        return SimpleNamespace(add=lambda url: url.startswith("msteams://"), notify=self._notify)

    def _notify(self, **message: Any) -> bool:
        self.said.append(message)
        logging.getLogger("apprise").error("planted-token")
        return self.delivers


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setattr(channels, "is_installed", lambda: True)
    monkeypatch.setattr(channels, "_in_child", lambda asked, **_: apprise_child.deliver(made, asked))
    return made


def channel(tmp_path: Path, address: str, **more: Any) -> Channel:
    (tmp_path / "url").write_text(f"{address}\n", encoding="utf-8")
    return Channel(Secret("file", (f"{tmp_path}/url",)), **more)


def test_a_service_gets_alarms_and_their_ends(library: Library, tmp_path: Path) -> None:
    sending = Sending(channels=(channel(tmp_path, "msteams://planted-token/x"),)).send(HELD, OVER)

    assert [("notification_sent", None)] * 2 == sending.outcomes
    assert ["failure", "success"] == [said["notify_type"] for said in library.said]
    assert ["held: finance-prod", "over: held: finance-prod"] == [said["title"] for said in library.said]
    assert "what to do: docs/runbook.md#held" in library.said[0]["body"]
    assert "text" == library.said[0]["body_format"]


def test_many_are_one_message_and_kinds_and_ends_are_chosen(library: Library, tmp_path: Path) -> None:
    one = channel(tmp_path, "msteams://planted-token/x", kinds=frozenset({"held"}), ends=False)
    many = [replace(HELD, subject=f"prod-{n}") for n in range(10)]
    sending = Sending(channels=(one,))
    sending.notifier.send([*many, replace(HELD, kind="drift")])
    sending.send(OVER)

    assert ["held: 10 alarms"] == [said["title"] for said in library.said]


@pytest.mark.finding("N-482")
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("slak://planted-token", "Apprise knows no service with such an address"),
        ("planted-token", "one address of Apprise is wanted here"),
        ("msteams://planted-token a", "one address of Apprise is wanted here"),
        ("json://planted-token", "json:// is in the clear; write jsons://"),
        ("mailto://planted-token:x@example.com", "mailto:// is in the clear; write mailtos://"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_by_its_place(
    library: Library, tmp_path: Path, address: str, says: str
) -> None:
    sending = Sending(channels=(channel(tmp_path, address),)).send(HELD)

    assert f"file:{tmp_path}/url: " in sending.only_error
    assert says in sending.only_error
    assert "planted" not in sending.only_error
    assert ([], []) == (sending.waits, library.said)


@pytest.mark.finding("N-482")
def test_what_is_not_delivered_is_tried_again_and_nothing_of_it_is_logged(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library.delivers = False
    sending = Sending(channels=(channel(tmp_path, "msteams://planted-token/x"),)).send(HELD)

    assert (3, [2.0, 4.0]) == (len(library.said), sending.waits)
    assert "planted" not in sending.only_error + caplog.text
    assert f"file:{tmp_path}/url: the service did not take it" in sending.only_error


def test_no_name_calls_everybody(library: Library, tmp_path: Path) -> None:
    bad = replace(HELD, subject="@channel", text="<!channel> <@U1> @here")
    Sending(channels=(channel(tmp_path, "msteams://planted-token/x"),)).send(bad)

    said = library.said[0]["title"] + library.said[0]["body"]
    assert [] == [call for call in ("@channel", "<!", "<@", "@here") if call in said]


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "is_installed", lambda: False)
    sending = Sending(channels=(channel(tmp_path, "msteams://planted-token/x"),)).send(HELD)

    assert channels.MISSING == sending.only_error


@pytest.mark.parametrize("is_there", [True, False])
def test_a_configuration_with_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    monkeypatch.setattr("syncd.config.notify_tables.is_installed", lambda: is_there)
    (tmp_path / "people").mkdir()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    if is_there:
        expected = Channel(Secret("env", ("TEAMS",)), frozenset({"held"}), ends=False)
        assert (expected,) == load(tmp_path / "config.toml").notify.channels
    else:
        with pytest.raises(ConfigInvalid, match="pip install 'syncd\\[channels\\]'"):
            load(tmp_path / "config.toml")


STUB = """
import os, signal
from types import SimpleNamespace
NotifyType = SimpleNamespace(FAILURE="failure", SUCCESS="success")
NotifyFormat = SimpleNamespace(TEXT="text")
AppriseAsset = dict
class Apprise:
    def __init__(self, asset): self.room = b""
    def add(self, url): self.url = url; return url.startswith("msteams://")
    def notify(self, **message):
        print(self.url)
        if "endless" in self.url:
            parts = []
            for _ in range(4096):
                parts.append(os.urandom(2**20))
            open(os.environ["STUB_TOLD"], "w").write("4 GiB")
        if "silent" in self.url:
            signal.pause()
        return "refused" not in self.url
"""


@pytest.mark.finding("N-600")
@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("taken", ""),
        ("refused", "the service did not take it, or gave no answer"),
        ("endless", "the service did not take it, or gave no answer"),
        ("silent", "the service did not take it, or gave no answer"),
    ],
)
def test_an_answer_without_an_end_takes_neither_our_memory_nor_our_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: str, error: str
) -> None:
    (tmp_path / "apprise.py").write_text(STUB, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])]))
    monkeypatch.setenv("STUB_TOLD", str(tmp_path / "told"))
    if place == "silent":
        monkeypatch.setattr(channels, "START_S", -3.0)
    sending = Sending(channels=(channel(tmp_path, f"msteams://planted-token/{place}"),)).send(HELD)

    [(event, why)] = sending.outcomes
    assert ("notification_failed" if error else "notification_sent") == event
    assert str(why or "").endswith(error)
    assert not (tmp_path / "told").exists()
    assert "planted" not in "".join(capfd.readouterr())


REAL = """
import json, logging, sys
from pathlib import Path
from notify_world import HELD, Sending, chat_service
from syncd.http.secrets import Secret
from syncd.notify import Channel
logging.basicConfig(level=0)
place = Path(sys.argv[1])
with chat_service() as chat:
    place.write_text(f"json://user:planted-token@127.0.0.1:{chat.port}/planted-path")
    here = Channel(Secret("file", (str(place),)), insecure=True)
    sending = Sending(channels=(here,)).send(HELD)
    chat.answers = [(500, {}, b"planted-answer")] * 3
    sending.send(HELD)
    place.write_text("slak://planted-token")
    sending.send(HELD)
print(json.dumps([sending.outcomes, [json.loads(body) for _, _, body in chat.posts][:1], len(chat.posts)]))
"""


@pytest.mark.index
@pytest.mark.finding("N-482")
def test_the_library_itself_delivers_and_tells_no_address(tmp_path: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--target",
        str(tmp_path / "lib"),
    ]
    subprocess.run([*pip, "apprise>=2.3,<3"], check=True, capture_output=True)
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2]), str(tmp_path / "lib")])

    done = subprocess.run(
        [sys.executable, "-c", REAL, str(tmp_path / "url")],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )

    outcomes, [body], posts = json.loads(done.stdout)
    assert ["notification_sent", "notification_failed", "notification_failed"] == [event for event, _ in outcomes]
    assert ("held: finance-prod", "failure", 4) == (body["title"], body["type"], posts)
    assert "planted" not in done.stdout + done.stderr
