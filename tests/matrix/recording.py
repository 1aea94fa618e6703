"""What was asked of a real server and what it said, in order, with what was done to it by hand: kept, and played again to a
stand-in, which so is in the same state whenever it is asked the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

import requests
from sites import RealSite, StandInSite

from syncd.model import Permission
from syncd.sandbox.airflow import DagFile

NOT_PASSED_ON = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding", "keep-alive"}
WAIT_S = 300.0


class Answer(NamedTuple):
    """What a server said: the status, the media type, the body (text where it is not JSON), and the cookies that it set."""

    status: int
    media: str
    body: Any
    cookies: Mapping[str, str] = {}


class Asked(NamedTuple):
    """A request as it was sent, and the answer; `target` is the path with the query."""

    method: str
    target: str
    headers: Mapping[str, str]
    sent: str
    answer: Answer


class Done(NamedTuple):
    """Something that was done to the server beside its API, as `parse`, and to what."""

    what: str
    to: Any


@dataclass
class Recording:
    """Requests, answers and deeds, in their order."""

    took_place: list[Asked | Done] = field(default_factory=list)

    @property
    def asked(self) -> list[Asked]:
        return [one for one in self.took_place if isinstance(one, Asked)]

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([[type(one).__name__, *one] for one in self.took_place], ensure_ascii=False))

    @classmethod
    def read(cls, file: Path) -> Recording:
        """Read what was written; a file that is not there is a recording of nothing."""
        told = json.loads(file.read_text()) if file.exists() else []
        return cls([_told(kind, rest) for kind, *rest in told])


def _told(kind: str, rest: list[Any]) -> Asked | Done:
    if kind == "Done":
        return Done(*rest)
    method, target, headers, sent, answer = rest
    return Asked(method, target, headers, sent, Answer(*answer))


@contextmanager
def recorded(url: str, recording: Recording) -> Iterator[str]:
    """Serve a server under another address, where all that passes is recorded, one request at a time."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def log_message(self, *_: object) -> None:
            """Say nothing: what was asked is kept."""

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {n: v for n, v in self.headers.items() if n.lower() not in NOT_PASSED_ON}
            try:
                with lock:
                    given = send(url, self.command, self.path, headers, body)
                    asked = Asked(self.command, self.path, headers, body.decode(errors="replace"), heard(given))
                    recording.took_place.append(asked)
            except requests.RequestException:
                self.close_connection = True
                return
            self._give_back(given)

        def _give_back(self, given: requests.Response) -> None:
            self.send_response_only(given.status_code)
            for name, value in given.raw.headers.items():
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.content)))
            self.end_headers()
            self.wfile.write(given.content if self.command != "HEAD" else b"")

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def send(url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        kept = {**headers, "Accept-Encoding": "identity"}
        return session.request(method, url + target, headers=kept, data=body, timeout=WAIT_S, allow_redirects=False)


def heard(given: requests.Response) -> Answer:
    media = given.headers.get("Content-Type", "").partition(";")[0]
    body: Any = given.text
    if media.endswith("json"):
        with suppress(ValueError):
            body = given.json()
    return Answer(given.status_code, media, body, dict(given.cookies))


# --- again ------------------------------------------------------------------------------------------------------------


@dataclass
class Again:
    """Plays recordings to a stand-in, which knows the tokens and cookies of its own only."""

    site: StandInSite
    path: str
    tokens: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def play(self, recording: Recording) -> Iterator[tuple[Asked, Answer]]:
        """Give each request with the answer that was recorded, and the stand-in's."""
        for one in recording.took_place:
            match one:
                case Asked():
                    yield one, self._ask(one)
                case Done(what, to):
                    do(self.site, what, to)

    def _ask(self, asked: Asked) -> Answer:
        url = self.site.url.removesuffix(self.path)
        mine = heard(send(url, asked.method, asked.target, self._translated(asked.headers), asked.sent.encode()))
        self.cookies |= {
            theirs: mine.cookies[name] for name, theirs in asked.answer.cookies.items() if name in mine.cookies
        }
        with suppress(TypeError, KeyError):
            self.tokens[asked.answer.body["access_token"]] = mine.body["access_token"]
        return mine

    def _translated(self, headers: Mapping[str, str]) -> dict[str, str]:
        mine = dict(headers)
        kind, _, token = mine.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            mine["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        if "Cookie" in mine:
            theirs = {name: morsel.value for name, morsel in SimpleCookie(mine["Cookie"]).items()}
            mine["Cookie"] = "; ".join(f"{name}={self.cookies.get(value, value)}" for name, value in theirs.items())
        return mine


def do(site: RealSite | StandInSite, what: str, to: Any) -> None:
    """Do something to a server beside its API; `to` is what JSON can say."""
    match what:
        case "parse":
            site.parse(*(_dag(dag) for dag in to))
        case "parse again":
            site.parse_again()
        case "grant":
            site.grant_by_hand(to[0], Permission(*to[1:]))
        case "delete role":
            site.delete_role_by_hand(to)
        case _:
            raise ValueError(what)


def _dag(told: dict[str, Any]) -> DagFile:
    access = told["access_control"]
    control = None if access is None else {role: frozenset(actions) for role, actions in access.items()}
    return DagFile(**told | {"tags": tuple(told["tags"]), "owners": tuple(told["owners"]), "access_control": control})


@dataclass
class RecordedSite:
    """A real server as the site of a story, with what a person does to it beside the API recorded too."""

    real: RealSite
    url: str
    recording: Recording

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def generation(self) -> int:
        return self.real.generation

    @property
    def dag_run_resources(self) -> bool:
        return self.real.dag_run_resources

    @property
    def deletes_roles(self) -> bool:
        return self.real.deletes_roles

    def accepts(self, area: str) -> str:
        return self.real.accepts(area)

    def parse(self, *dags: DagFile) -> None:
        self._do("parse", [_plain(dag) for dag in dags])

    def parse_again(self) -> None:
        self._do("parse again", None)

    def grant_by_hand(self, role: str, permission: Permission) -> None:
        self._do("grant", [role, permission.action, permission.resource])

    def delete_role_by_hand(self, role: str) -> None:
        self._do("delete role", role)

    def _do(self, what: str, to: Any) -> None:
        do(self.real, what, to)
        self.recording.took_place.append(Done(what, to))


def _plain(dag: DagFile) -> dict[str, Any]:
    control = None if dag.access_control is None else {role: sorted(a) for role, a in dag.access_control.items()}
    return asdict(dag) | {"access_control": control}
