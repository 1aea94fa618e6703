"""`syncd run` as a child process among everything it lives with: two directories, deployments, a database, a person's hands.

    house.company.hire("anna", finance=True)
    with house.daemon() as daemon:
        daemon.waits_until("anna is in", lambda: house.holds("anna", "finance"))

Nothing here sleeps for a fixed time: whatever is waited for has a deadline, and a daemon that died ends the waiting. When
something fails inside of the context, the end of the daemon's log is printed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families
from sites import Hands, Site, write
from waiting import until

from syncd.sandbox.entra import EntraStandIn, Served
from syncd.sandbox.okta import OktaStandIn

PATIENCE_S = 40.0
"""For what has no promise of its own. Real servers on a busy machine are slow."""
LOOK_EVERY_S = 0.1
OKTA_TOKEN = "00planted-api-token"
SECRETS = {"TEST_OKTA": OKTA_TOKEN, "TEST_ENTRA": "planted-client-secret", "TEST_AIRFLOW": "admin"}
PAGE = 100
LOG_SHOWN = 120
"""Lines of the log that are printed when a test fails."""


# --- the company ------------------------------------------------------------------------------------------------------


@dataclass
class Company:
    """Everybody has an account in Okta and one in Entra ID with the same e-mail. Okta has the group `air-finance`, Entra the
    group `Platform`; each also has a group of everybody, as a directory has that people log in with.

    `tag` keeps the names of this company apart from those of others on the same servers.
    """

    tag: str
    okta: OktaStandIn = field(default_factory=OktaStandIn)
    entra: EntraStandIn = field(default_factory=EntraStandIn)
    in_okta: dict[str, str] = field(default_factory=dict)
    in_entra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.okta.ssws.add(OKTA_TOKEN)
        org, tenant = self.okta.org, self.entra.tenant
        org.clock.move(-3600)  # what was there before, was there for a while
        self.everybody = org.add_group("air-everybody"), tenant.add_group("Everybody")
        self.finance, self.platform = org.add_group("air-finance"), tenant.add_group("Platform")
        org.clock.move(3600)

    def hire(self, *names: str, finance: bool = False, platform: bool = False) -> None:
        """Give people accounts, and groups, in both directories at once."""
        org, tenant = self.okta.org, self.entra.tenant
        for name in names:
            mail = f"{name}.{self.tag}@corp.example"
            self.in_okta[name] = org.add_user(mail, id_=f"00u{self.tag}{name}")
            self.in_entra[name] = tenant.add_user(f"{name}.{self.tag}", mail=mail)
            tenant.join(self.everybody[1], self.in_entra[name])
        org.join(self.everybody[0], *(self.in_okta[name] for name in names))
        if finance:
            org.join(self.finance, *(self.in_okta[name] for name in names))
        if platform:
            tenant.join(self.platform, *(self.in_entra[name] for name in names))

    def move_to_platform(self, name: str) -> None:
        """Move somebody from the group in Okta to the one in Entra."""
        self.okta.org.leave(self.finance, self.in_okta[name])
        self.entra.tenant.join(self.platform, self.in_entra[name])

    def dismiss(self, *names: str) -> None:
        """End people's work: both directories deactivate the accounts, and nobody tidies up groups."""
        for name in names:
            self.okta.org.set_status(self.in_okta[name], "DEPROVISIONED")
            self.entra.tenant.change_user(self.in_entra[name], accountEnabled=False)

    def account(self, name: str, login: str) -> str:
        """Say what somebody's account is called where people log in with this directory, as Airflow is delivered."""
        return f"okta_{self.in_okta[name]}" if login == "okta" else self.in_entra[name]

    @contextlib.contextmanager
    def okta_is_down(self) -> Iterator[None]:
        """Let Okta answer nothing of use."""
        fault = self.okta.lie("html_502", times=None)
        try:
            yield
        finally:
            self.okta.faults.remove(fault)


# --- the house --------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """A folder with a configuration for a company's directories and some deployments.

    logins  which directory people log in with on each deployment: `okta` or `entra`
    extra   more lines of the configuration, by table: `{"daemon": ['poll = "1h"']}`; they come first in it
    """

    folder: Path
    company: Company
    where: Served
    okta_url: str
    sites: Mapping[str, Site]
    logins: Mapping[str, str]
    database: str
    mapping: str = ""
    extra: dict[str, list[str]] = field(default_factory=dict)
    hands: dict[str, Hands] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hands = {name: Hands(site) for name, site in self.sites.items()}
        self.mapping = self.mapping or self.usual_mapping()
        self.write()

    # what is written

    def role(self, word: str) -> str:
        return f"{word}-{self.company.tag}"

    def usual_mapping(self, *, platform_until: str = "") -> str:
        """Finance by Okta, platform by Entra; that, where it is said, only until then."""
        end = f", until: {platform_until}" if platform_until else ""
        return (
            f"roles:\n"
            f"  {self.role('finance')}:\n"
            f"    dags: [{{level: trigger, id: fin_daily}}, {{level: view, id: fin_monthly}}]\n"
            f"  {self.role('platform')}:\n"
            f"    dags: [{{level: edit, id: plat_cleanup}}]\n"
            f"bindings:\n"
            f"  - {{group: okta:air-finance, roles: [{self.role('finance')}], deployments: all}}\n"
            f"  - {{group: entra:Platform, roles: [{self.role('platform')}, Viewer], deployments: all{end}}}\n"
        )

    def write(self) -> None:
        """Write everything; called again, it is an edit."""
        self.write_mapping(self.mapping)
        self._write_config("a")

    def write_mapping(self, text: str) -> None:
        write(self.folder, "mappings/all.yaml", text)

    def _write_config(self, replica: str) -> Path:
        tables = {
            "control": [f'socket = "{replica}.sock"'],
            "database": [f'url = "{self.database}"'],
            "limits": ["removals = 1000", "share = 1.0"] if "limits" not in self.extra else [],
            "daemon": ["impatient = true", *_rhythm(self.extra.get("daemon", []))],
        }
        lines = []
        for table in {**tables, **self.extra}:
            lines += [f"[{table}]", *tables.get(table, []), *self.extra.get(table, [])]
        lines += [self._sources(), *(self._deployment(name, site) for name, site in self.sites.items())]
        return write(self.folder, f"{replica}.toml", "\n".join(lines))

    def _sources(self) -> str:
        entra = self.company.entra.authority
        return f"""
[sources.okta]
type = "okta"
url = "{self.okta_url}"
auth = {{ kind = "token", token = {{ env = "TEST_OKTA" }} }}
groups = {{ prefixes = ["air-"] }}
email_domains = ["corp.example"]
attempts = 1
[sources.entra]
type = "entra"
client_id = "{entra.client.id}"
tenant = "{entra.tenant}"
authority = "{self.where.authority}"
graph = "{self.where.graph}"
auth = {{ kind = "client_secret", secret = {{ env = "TEST_ENTRA" }} }}
groups = {{ all = true }}
email_domains = ["corp.example"]
ca = "{self.where.ca}"
attempts = 2
first_wait_s = 0.01
settle_s = 0.01
"""

    def _deployment(self, name: str, site: Site) -> str:
        kinds = sorted({site.accepts(area) for area in ("roles", "users", "dags")})
        auth = [f'{{ kind = "{k}", username = "admin", password = {{ env = "TEST_AIRFLOW" }} }}' for k in kinds]
        login = self.logins[name]
        return (
            f'[deployments.{name}]\nurl = "{site.url}"\nmode = "enforce"\nlogin_source = "{login}"\n'
            f'username = "{"okta_{id}" if login == "okta" else "{id}"}"\nauth = [{", ".join(auth)}]\n'
        )

    # what is there

    def accounts(self, deployment: str) -> dict[str, set[str]]:
        """Give the roles of every account there, of whomever it is."""
        found: dict[str, set[str]] = {}
        page: list[dict[str, Any]] = []
        while not found or len(page) == PAGE:
            where = {"limit": PAGE, "offset": len(found)}
            page = self.hands[deployment].call("GET", "users", params=where).json()["users"]
            found |= {user["username"]: {role["name"] for role in user["roles"]} for user in page}
        return found

    def roles(self, deployment: str, names: str) -> list[set[str] | None]:
        """Give the roles that each of these people has there; None: no account."""
        found = self.accounts(deployment)
        return [found.get(self.company.account(name, self.logins[deployment])) for name in names.split()]

    def everywhere(self, names: str, *words: str) -> bool:
        """Say whether each of these people holds exactly these roles on all deployments; `Viewer` is Airflow's, others ours."""
        wanted = {word if word == "Viewer" else self.role(word) for word in words}
        return all(held == wanted for deployment in self.sites for held in self.roles(deployment, names))

    def tidy(self) -> None:
        """Take away what this company left on servers that others use too."""
        for deployment, hands in self.hands.items():
            there = self.accounts(deployment)
            ours = {self.company.account(name, self.logins[deployment]) for name in self.company.in_okta}
            for account in sorted(ours & there.keys()):
                hands.call("DELETE", "users", account).raise_for_status()
            for role in sorted(hands.role_names()):
                if self.company.tag in role:
                    hands.call("DELETE", "roles", role).raise_for_status()

    # what is run

    def daemon(self, replica: str = "a") -> Daemon:
        """Give a daemon with a configuration and a socket of its own, not yet started."""
        return Daemon(self._write_config(replica), self.folder / f"{replica}.sock")

    def syncd(self, *words: str, config: str = "a.toml") -> Ran:
        """Run a command to its end, as a person does beside the daemon."""
        command = [sys.executable, "-m", "syncd", "--config", str(self.folder / config), "--quiet", *words]
        began = time.monotonic()
        done = subprocess.run(
            command, env={**os.environ, **SECRETS}, capture_output=True, text=True, timeout=120, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def _rhythm(own: Sequence[str]) -> list[str]:
    """Poll quickly and leave sweeps and DAG lists out, unless a line says otherwise."""
    usual = {"poll": '"200ms"', "sweep": '"1h"', "dags": '"1h"', "workers": "4"}
    named = {line.partition("=")[0].strip() for line in own}
    return [f"{key} = {value}" for key, value in usual.items() if key not in named]


def tell(*lines: str) -> None:
    """Say something to who runs the tests: pytest shows it where the test failed, and with `-s`."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float


# --- the daemon -------------------------------------------------------------------------------------------------------


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Daemon:
    """A running `syncd run`, for as long as the context lasts; then it is gone, however the context ended."""

    def __init__(self, config: Path, door: Path) -> None:
        self.config, self.door, self.log = config, door, config.with_suffix(".log")
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "syncd", "--config", str(self.config), "run"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **SECRETS}, stdout=log, stderr=log)
        try:
            self.waits_until("the daemon is ready", self.is_ready)
        except BaseException:
            self._end()
            self.show_log()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            self.show_log()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()

    def show_log(self) -> None:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        tell(f"--- the end of {self.log.name}", *lines[-LOG_SHOWN:])

    # asking

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Ask over the control socket; gives status and text."""
        connection = _UnixConnection(self.door)
        headers = {"Content-Type": "application/json", "Connection": "close"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Give the JSON of something under /api/v1."""
        status, text = self.ask("GET", f"/api/v1/{path}")
        assert 200 == status, text
        return json.loads(text)

    def is_ready(self) -> bool:
        """Say whether it answers, and does its work; a daemon that is just starting does not answer yet."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/readyz")[0] == 200
        return False

    def unready(self) -> str:
        """Give the reasons of a 503 of /readyz; empty: it is 200."""
        status, text = self.ask("GET", "/readyz")
        return "" if status == 200 else "\n".join(json.loads(text)["reasons"])

    def metric(self, name: str, **labels: str) -> float:
        """Add up the samples of this name with these labels among theirs; 0 where there is none."""
        families = text_string_to_metric_families(self.ask("GET", "/metrics")[1])
        samples = [s for family in families for s in family.samples if s.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())

    def alarms(self) -> dict[tuple[str, str], str]:
        return {(a["kind"], a["subject"]): a["text"] for a in self.get("alarms")["alarms"]}

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"deployments/{name}")
        return found

    def changes(self, **query: str) -> list[dict[str, Any]]:
        """Give the journal, all that was more than planned, newest first."""
        words = "&".join(f"{key}={value}" for key, value in {"limit": "1000", **query}.items())
        found: list[dict[str, Any]] = self.get(f"changes?{words}")["changes"]
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of this name in the log of all daemons that this file had."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if f'"event": "{name}"' in line]
        return [event for event in found if event["event"] == name]

    # waiting and telling

    def waits_until(self, what: str, is_so: Callable[[], object], *, within_s: float = PATIENCE_S) -> float:
        """Wait until something is so, and say how many seconds that took."""

        def lives_and_is_so() -> object:
            if found := is_so():
                return found
            assert self.process.poll() is None, f"the daemon ended ({self.process.returncode}); waited until {what}"
            return False

        return until(what, lives_and_is_so, within_s=within_s, look_every_s=LOOK_EVERY_S)

    def rests(self, *, within_s: float = PATIENCE_S) -> float:
        """Wait until it has swept its share once and nothing is queued or under way."""
        return self.waits_until("nothing is left to do", self._is_at_rest, within_s=within_s)

    def _is_at_rest(self) -> bool:
        ours = [d for d in self.get("status")["deployments"] if d["standing"] != "elsewhere"]
        return all(d["swept_at"] and not d["waiting"] and not d["running"] for d in ours)

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def stop(self) -> float:
        """Tell it to end as systemd does, with twice the patience; gives how long it took."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        assert 0 == self.process.wait(30)
        return time.monotonic() - began
