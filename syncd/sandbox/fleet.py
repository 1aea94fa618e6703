"""A fleet to measure against: many Airflow stand-ins behind one port, or an Okta, in a process and event loop of its own.

`python -m syncd.sandbox.fleet airflow --deployments 100` serves deployments below /d000, /d001 ...; `... okta` serves an org.
Both print their address as a line of JSON and end with standard input. Latency is waited before a request is worked on and
again before its answer goes out. Below `/-/` is the control, without latency, JSON in and out; its times are those of
`time.monotonic`, which every process of a Linux machine shares. A plain asyncio protocol takes the place of a web server,
because the stand-ins share a small machine with what is measured: a call costs about a tenth of a millisecond here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, unquote

from syncd.model import Permission
from syncd.sandbox.airflow import PRESETS, Abilities, DagFile, Seen, StandIn
from syncd.sandbox.airflow.answers import AirflowAnswer
from syncd.sandbox.airflow.request import RouteCall
from syncd.sandbox.okta import OktaStandIn

HOST = "127.0.0.1"
CONTROL = "/-/"
TOKEN = "fleet-token"  # noqa: S105 - of an org that exists while this process does
MIXED = ("2.11.2", "3.3.2")
HASH_S = 0.13
"""What a real server takes to check a password; others are served meanwhile."""
_AREAS = {"users", "roles", "dags"}

AsgiScope = dict[str, Any]
AsgiMessage = MutableMapping[str, Any]
App = Callable[
    [AsgiScope, Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]], Awaitable[None]
]
ControlAnswer = Callable[[str, Mapping[str, Any]], object]
"""What answers the control: the path below `/-/`, and query and body in one."""


# --- the wire ---------------------------------------------------------------------------------------------------------


class FleetConnection(asyncio.Protocol):
    """One connection: HTTP/1.1 as far as the clients of a measurement speak it, one request at a time, for an ASGI app."""

    def __init__(self, app: App, control: ControlAnswer, latency_s: float) -> None:
        self.transport: asyncio.Transport
        self._app, self._control, self._latency_s = app, control, latency_s
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._gone = self._loop.create_future()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        """Begin with the next request, where it is there whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        length = next((int(value) for name, value in headers if name == b"content-length"), 0)
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, target, _version = first.decode("ascii").split(" ")
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": headers,
        }
        self._task = self._loop.create_task(self._answer(scope, body))

    async def _answer(self, scope: AsgiScope, body: bytes) -> None:
        if scope["path"].startswith(CONTROL):
            self._answer_control(scope, body)
        else:
            await asyncio.sleep(self._latency_s)
            waiting = [body]

            async def receive() -> AsgiMessage:
                if waiting:
                    return {"type": "http.request", "body": waiting.pop()}
                await self._gone
                return {"type": "http.disconnect"}

            try:
                await self._app(scope, receive, self.send)
            except Exception:
                self.transport.close()  # else the client waits for an answer that never comes
                raise
            await asyncio.sleep(self._latency_s)
        self.transport.write(b"".join(self._out))
        self._out.clear()
        self._task = None
        self._next()

    def _answer_control(self, scope: AsgiScope, body: bytes) -> None:
        asked = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
        found = self._control(scope["path"].removeprefix(CONTROL), asked | (json.loads(body) if body else {}))
        content = json.dumps(found).encode()
        self._out = [b"HTTP/1.1 200 -\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)]
        self._out.append(content)

    async def send(self, message: AsgiMessage) -> None:
        """Take what an application answers; it goes out when the way back is over."""
        if message["type"] == "http.response.start":
            lines = [b"%s: %s\r\n" % pair for pair in message["headers"]]
            self._out = [b"HTTP/1.1 %d -\r\n" % message["status"], *lines, b"\r\n"]
        else:
            self._out.append(message.get("body", b""))


# --- Airflow ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Write:
    """A write of an account that a server accepted: when, where, whose, and the roles it then had (none: deleted)."""

    at: float
    deployment: str
    path: str
    body: bytes

    def told(self) -> dict[str, object]:
        row = json.loads(self.body) if self.body else {}
        username = row.get("username") or self.path.rpartition("/")[2]
        roles = sorted(role["name"] for role in row.get("roles", ()))
        return {"at": self.at, "deployment": self.deployment, "username": username, "roles": roles}


class Observed(StandIn):
    """A stand-in that notes each write of an account that it accepted, at the time it did."""

    def __init__(self, name: str, abilities: Abilities, *, dags: Sequence[DagFile], writes: list[Write]) -> None:
        super().__init__(abilities, path=f"/{name}", dags=dags)
        self._name, self._writes = name, writes

    async def answer(self, call: RouteCall) -> AirflowAnswer:
        given = await super().answer(call)
        if call.method != "GET" and given.status < 300 and "/users" in call.path:
            self._writes.append(Write(time.monotonic(), self._name, call.path, given.body))
        return given


class AirflowFleet:
    """Deployments d000, d001 ..., of the presets in turn, as one application.

    The control: `calls` gives calls by deployment and kind since the last `reset`, `seen` each of them in order; `writes`
    the accepted writes of accounts from number `after` on; `holders` who holds `role` where; `seed` adds `roles` (name ->
    list of [action, resource]) and `accounts` (name -> roles) to the `deployments` that are named, or to all.
    """

    def __init__(
        self, deployments: int, presets: Sequence[str] = MIXED, *, dags: int = 20, hash_s: float = HASH_S
    ) -> None:
        self.writes: list[Write] = []
        files = [DagFile(f"dag_{n:03}", (f"tag{n % 4}",)) for n in range(dags)]
        self.servers = {
            (name := f"d{n:03}"): Observed(
                name, replace(PRESETS[presets[n % len(presets)]], hash_s=hash_s), dags=files, writes=self.writes
            )
            for n in range(deployments)
        }

    async def app(self, scope: AsgiScope, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""
        server = self.servers.get(scope["path"].split("/", 2)[1])
        if server is None:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
        else:
            await server(scope, receive, send)

    def told(self) -> dict[str, object]:
        """Say what there is: the path of each deployment, and the version of its server."""
        return {"deployments": {name: server.abilities.version for name, server in self.servers.items()}}

    def control(self, what: str, asked: Mapping[str, Any]) -> object:
        match what:
            case "calls":
                return {name: Counter(map(_kind, server.calls)) for name, server in self.servers.items()}
            case "seen":
                return {n: [(c.method, c.path, c.query) for c in s.calls] for n, s in self.servers.items()}
            case "holders":
                return {name: _holders(server, asked["role"]) for name, server in self.servers.items()}
            case "writes":
                return [write.told() for write in self.writes[int(asked.get("after", 0)) :]]
            case "reset":
                self.writes.clear()
                for server in self.servers.values():
                    server.calls.clear()
            case "seed":
                for name in asked.get("deployments") or self.servers:
                    self._seed(self.servers[name], asked)
            case _:
                return {"error": "calls, seen, writes, holders, reset or seed"}
        return {"at": time.monotonic()}

    def _seed(self, server: StandIn, asked: Mapping[str, Any]) -> None:
        for role, pairs in asked.get("roles", {}).items():
            server.state.roles[role] = set()
            for action, resource in pairs:
                server.state.grant(role, Permission(action, resource))
        for username, roles in asked.get("accounts", {}).items():
            server.state.add_user(username, password="-", roles=set(roles), first_name=username, last_name="-")  # noqa: S106


def _holders(server: StandIn, role: str) -> list[str]:
    return sorted(account.username for account in server.state.users.values() if role in account.roles)


def _kind(seen: Seen) -> str:
    """Name a call without the names in it: `GET users/{}`."""
    parts = seen.path.split("/")
    area = next((n for n, part in enumerate(parts) if part in _AREAS), None)
    if area is None:
        return f"{seen.method} {parts[-1]}"
    return f"{seen.method} {parts[area]}" + ("/{}" if len(parts) > area + 1 else "")


# --- Okta -------------------------------------------------------------------------------------------------------------


class OktaFleet:
    """An org with people p00000, p00001 ... in as many groups, team-000 ..., as there are deployments, and one of all.

    The control: `join`, `leave` (`group`, `people`), `status` (`people`, `status`) change the org and give the time;
    `requests` gives [time, area, address] of each request since the last `reset`.
    """

    def __init__(self, people: int, teams: int, *, everywhere: str = "everywhere") -> None:
        self.server = OktaStandIn()
        self.server.ssws.add(TOKEN)
        self.requests: list[tuple[float, str, str]] = []
        org = self.server.org
        self.people = {f"p{n:05}": org.add_user(f"p{n:05}@example.com", id_=f"00u{n:017}") for n in range(people)}
        ids = list(self.people.values())
        self.groups = {
            name: org.add_group(name, ids[n::teams]) for n, name in enumerate(f"team-{n:03}" for n in range(teams))
        }
        self.groups[everywhere] = org.add_group(everywhere)
        org.clock.move(3600)  # else everything changed just now, and the first polls read it all again

    async def app(self, scope: AsgiScope, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""
        self.requests.append((time.monotonic(), scope["path"], scope["query_string"].decode()))
        await self.server.app(scope, receive, send)

    def told(self) -> dict[str, object]:
        return {"people": len(self.people), "groups": list(self.groups)}

    def control(self, what: str, asked: Mapping[str, Any]) -> object:
        org, people = self.server.org, [self.people[name] for name in asked.get("people", ())]
        match what:
            case "join":
                org.join(self.groups[asked["group"]], *people)
            case "leave":
                org.leave(self.groups[asked["group"]], *people)
            case "status":
                for person in people:
                    org.set_status(person, asked["status"])
            case "requests":
                return self.requests[int(asked.get("after", 0)) :]
            case "reset":
                self.requests.clear()
                self.server.seen.clear()
            case _:
                return {"error": "join, leave, status, requests or reset"}
        return {"at": time.monotonic()}


# --- the process ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remote:
    """A fleet in another process: its address, what it said of itself, and the way to its control."""

    url: str
    told: Mapping[str, Any]
    pid: int

    def ask(self, what: str, **asked: object) -> Any:
        """Ask the control."""
        request = urllib.request.Request(self.url + CONTROL + what, json.dumps(asked).encode(), method="POST")  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
            return json.loads(answer.read())


@contextmanager
def started(kind: str, **options: object) -> Iterator[Remote]:
    """Start a process with an `airflow` or `okta` fleet for as long as the context lasts; options as on the command line."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "syncd.sandbox.fleet", kind, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield Remote(told["url"], told, process.pid)
        finally:
            process.stdin.close()


async def serve(fleet: AirflowFleet | OktaFleet, *, latency_s: float, port: int = 0) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: FleetConnection(fleet.app, fleet.control, latency_s),
        HOST,
        port,
        backlog=1024,
    )
    url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    if isinstance(fleet, OktaFleet):
        fleet.server.url = url
    sys.stdout.write(json.dumps({"url": url, **fleet.told()}) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m syncd.sandbox.fleet", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("kind", choices=("airflow", "okta"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds in each direction")
    parser.add_argument("--deployments", type=int, default=100)
    parser.add_argument("--presets", default=",".join(MIXED), help="releases, in turn")
    parser.add_argument("--dags", type=int, default=20)
    parser.add_argument("--hash", type=float, default=HASH_S, help="seconds that checking a password takes")
    parser.add_argument("--people", type=int, default=10_000)
    wanted = parser.parse_args()
    fleet: AirflowFleet | OktaFleet = (
        OktaFleet(wanted.people, wanted.deployments)
        if wanted.kind == "okta"
        else AirflowFleet(wanted.deployments, wanted.presets.split(","), dags=wanted.dags, hash_s=wanted.hash)
    )
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(fleet, latency_s=wanted.latency, port=wanted.port))


if __name__ == "__main__":
    main()
