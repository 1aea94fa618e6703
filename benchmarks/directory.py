"""What does a full read of a directory of 50,000 people in 2,000 groups cost over bare concurrent requests?

Against the Okta and Entra stand-ins, each in a process of its own, with 20 ms before each answer. The floor, in the same
run and in turn: the same pages asked for with the same concurrency, decoded, and nothing else done with them.
Run: python benchmarks/directory.py
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import requests

from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.ports import Feed
from syncd.sources.entra import ClientSecret, EntraSettings, EntraSource, GroupSelection
from syncd.sources.kind import SourceSurroundings
from syncd.sources.okta import GroupFilter, OktaApiToken, OktaSettings, OktaSource

PEOPLE, GROUPS, EACH, LATENCY_S, CONCURRENCY, RUNS = 50_000, 2_000, 100, 0.02, 8, 3
TOKEN, CLIENT_SECRET = "a-token", "planted-client-secret"  # of stand-ins that this program starts


def serve_okta() -> None:
    """Be an Okta until standard input ends."""
    from syncd.sandbox.okta import OktaStandIn

    server = OktaStandIn()
    server.ssws.add(TOKEN)
    server.latency_s = LATENCY_S
    people = [server.org.add_user(f"user{n:05}@example.com", id_=f"00u{n:017}") for n in range(PEOPLE)]
    for group in range(GROUPS):
        server.org.add_group(f"team-{group:04}", [people[(group * 25 + n) % PEOPLE] for n in range(EACH)])
    server.org.clock.move(3600)
    with server.serve() as url:
        print(url, flush=True)
        for _ in sys.stdin:
            server.org.join(sorted(server.org.teams)[7], people[-1])
            print("joined", flush=True)


def serve_entra() -> None:
    """Be an Entra and a Graph until standard input ends."""
    from syncd.sandbox.entra import EntraStandIn

    server = EntraStandIn()
    server.keep = False
    server.latency_s = LATENCY_S
    people = [server.tenant.add_user(f"user{n:05}") for n in range(PEOPLE)]
    groups = [
        server.tenant.add_group(f"team-{group:04}", [people[(group * 25 + n) % PEOPLE] for n in range(EACH)])
        for group in range(GROUPS)
    ]
    with server.serve() as served:
        print(served.authority, served.graph, served.ca, server.authority.client.id, flush=True)
        for _ in sys.stdin:
            server.tenant.join(groups[7], people[-1])
            print("joined", flush=True)


@contextmanager
def process(which: str) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """Start a stand-in; gives what it says of itself, and a way to let one person join one group."""
    command = [sys.executable, __file__, which]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        stdin, stdout = server.stdin, server.stdout

        def join() -> None:
            stdin.write("\n")
            stdin.flush()
            stdout.readline()

        yield stdout.readline().split(), join
        stdin.close()


def bare_okta(url: str) -> int:
    """Ask Okta for the pages of a full read; gives the number of requests."""

    async def pages(http: aiohttp.ClientSession, path: str) -> list[list[dict[str, Any]]]:
        found, link = [], url + path
        while link:
            async with http.get(link) as answer:
                found.append(await answer.json())
                link = str(answer.links["next"]["url"]) if "next" in answer.links else ""
        return found

    async def work() -> int:
        headers = {"Authorization": f"SSWS {TOKEN}"}
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
            groups = await pages(http, "/api/v1/groups?limit=200&expand=stats")
            ids = iter([group["id"] for page in groups for group in page])

            async def worker() -> int:
                return sum([len(await pages(http, f"/api/v1/groups/{i}/users?limit=200")) for i in ids])

            return len(groups) + sum(await asyncio.gather(*(worker() for _ in range(CONCURRENCY))))

    return asyncio.run(work())


def bare_graph(authority: str, graph: str, ca: str, client: str) -> int:
    """Ask Graph for the pages of a full read, twenty in a batch; gives the number of requests."""
    with requests.Session() as http:
        http.verify, http.trust_env = ca, False
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": CLIENT_SECRET}
        form["scope"] = f"{graph.removesuffix('/v1.0')}/.default"
        token = http.post(f"{authority}/oauth2/v2.0/token", data=form, timeout=60).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        base = graph if graph.endswith("/v1.0") else f"{graph}/v1.0"
        ids, link, asked = [], f"{base}/groups?$select=id,displayName&$top=999", 0
        while link:
            page = http.get(link, timeout=60).json()
            ids += [group["id"] for group in page["value"]]
            link, asked = page.get("@odata.nextLink"), asked + 1
        batches = [ids[n : n + 10] for n in range(0, len(ids), 10)]
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            rows = list(pool.map(lambda batch: _bare_batch(http, base, batch), batches))
        assert sum(rows) >= GROUPS * EACH
        return asked + len(batches) + 1


FIELDS = "id,userPrincipalName,mail,givenName,surname,accountEnabled,userType,employeeId"


def _bare_batch(http: requests.Session, base: str, ids: Sequence[str]) -> int:
    wanted: list[dict[str, Any]] = []
    for group in ids:
        wanted.append({"id": f"m{group}", "method": "GET", "url": f"/groups/{group}/members?$select={FIELDS}&$top=999"})
        url = f"/groups/{group}/members/microsoft.graph.user?$select=id&$top=1&$count=true"
        wanted.append({"id": f"c{group}", "method": "GET", "url": url, "headers": {"ConsistencyLevel": "eventual"}})
    answers = http.post(f"{base}/$batch", json={"requests": wanted}, timeout=60).json()["responses"]
    return sum(len(a["body"]["value"]) for a in answers if a["id"].startswith("m"))


def measure(name: str, source: Callable[[], Feed], floor: Callable[[], int], join: Callable[[], None]) -> None:
    """Read and ask in turn, then poll; print the medians."""
    ratios, ours, bare = [], [], []
    for number in range(RUNS + 1):
        started = time.perf_counter()
        requests_made = floor()
        middle = time.perf_counter()
        read = source()
        snapshot, cursor = read.read_from_here()
        ended = time.perf_counter()
        assert len(snapshot.identities) == PEOPLE
        assert all(group.certificate.complete for group in snapshot.groups)
        if number:  # the first pair warms both up
            bare.append(middle - started)
            ours.append(ended - middle)
            ratios.append(ours[-1] / bare[-1])
    calls = read.calls  # type: ignore[attr-defined]  # both sources count
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: full read {statistics.median(ours):.1f} s, {calls} calls, peak RSS so far {memory:.0f} MiB", end="; "
    )
    print(f"bare {statistics.median(bare):.1f} s, {requests_made} requests", end="; ")
    print(f"ratio {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} (goals 60 s, 400 MiB, 1.2)")
    snapshot, cursor = read.refresh(snapshot, cursor)  # the first one after a world was made still has to look back
    for what in ("quiet poll", "one membership changed"):
        if what != "quiet poll":
            join()
        before, started = read.calls, time.perf_counter()  # type: ignore[attr-defined]
        after, cursor = read.refresh(snapshot, cursor)
        seconds, made = time.perf_counter() - started, read.calls - before  # type: ignore[attr-defined]
        pairs = itertools.zip_longest(snapshot.groups, after.groups)
        changed = sum(1 for old, new in pairs if old and new and old.members != new.members)
        print(f"{name}: {what}: {seconds:.2f} s, {made} calls, {changed} groups changed (goal 3 calls when quiet)")
        snapshot = after


def now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    os.environ |= {"BENCH_TOKEN": TOKEN, "BENCH_CLIENT_SECRET": CLIENT_SECRET}
    with process("okta") as ((url,), join):
        token = OktaApiToken(Secret.parse("env:BENCH_TOKEN"))
        okta = OktaSettings(Connection(url), token, GroupFilter(all=True), concurrency=CONCURRENCY)
        measure("okta", lambda: OktaSource("okta", okta, SourceSurroundings(now)), lambda: bare_okta(url), join)
    with process("entra") as ((authority, graph, ca, client), join):
        secret = ClientSecret(Secret.parse("env:BENCH_CLIENT_SECRET"))
        entra = EntraSettings(
            "contoso.example",
            client,
            secret,
            (GroupSelection("all"),),
            authority=authority,
            graph=graph,
            ca=Path(ca),
            concurrency=CONCURRENCY,
        )
        measure(
            "entra",
            lambda: EntraSource("entra", entra, SourceSurroundings(now)),
            lambda: bare_graph(authority, graph, ca, client),
            join,
        )


if __name__ == "__main__":
    {"okta": serve_okta, "entra": serve_entra}.get(sys.argv[-1], main)()
