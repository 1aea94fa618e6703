"""Asks a running daemon, over its control socket or over HTTP with a token, and shows what came of it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from syncd.answers import parse_json
from syncd.callers import HEADER, LONGEST_SOCKET_PATH, sudo_user
from syncd.cli.daemon_job import changes_of, is_job
from syncd.errors import EXIT_INVALID, EXIT_NO_ANSWER, ConfigInvalid, Problem, SyncdError
from syncd.http.metered import ReadLimit, TooSlow, metered
from syncd.http.secrets import remember
from syncd.render.alike import change_lines
from syncd.render.effects import effect_lines_of
from syncd.render.extent import EVERYTHING_SHOWN, SHORT, Extent
from syncd.render.lines import Line, Style, counted, number, safe
from syncd.render.text import ways_of_held
from syncd.render.view import ChangeView
from syncd.words import and_more

if TYPE_CHECKING:
    from syncd.cli.invocation import Invocation
    from syncd.config import Settings
    from syncd.control import DeploymentResult, Order

WAIT_S = 30
"""How long the daemon holds one question about a job."""
ANSWER_S = WAIT_S + 15.0
LONGEST_S = 3 * ANSWER_S
"""For an answer in all, however its bytes drip."""
MOST_BYTES, MOST_VALUES = 256 * 2**20, 20_000_000
"""Of an answer, and values in it; a plan over everything on a hundred deployments is some tens of MB."""


class NoDaemon(SyncdError):
    """Nobody listens on the control socket."""

    exit_code = EXIT_NO_ANSWER


class DaemonSilent(SyncdError):
    """A daemon was asked and gave no usable answer, or cannot do it now."""

    exit_code = EXIT_NO_ANSWER


class DaemonRefused(SyncdError):
    """The daemon answered that this cannot be asked, or not by us."""

    exit_code = EXIT_INVALID


# --- asking -------------------------------------------------------------------------------------------------------------


class DaemonClient:
    """A daemon to talk to: `socket_path`, or a `url` with a token."""

    def __init__(self, *, socket_path: Path | None = None, url: str = "", token: str = "") -> None:
        self.place = url or str(socket_path)
        self._path = socket_path
        self._url = urlsplit(url)
        self._token = token

    def reconcile(self, order: Order) -> dict[str, Any]:
        """Queue work; gives the job."""
        names = {name: sorted(getattr(order, name)) for name in ("users", "groups", "deployments", "dags")}
        return self._ask("POST", "/api/v1/reconcile", {**names, "dry_run": order.dry_run})

    def approve(self, deployment: str, digest: str, *, said: str = "", reason: str = "") -> dict[str, Any]:
        """Let held changes go, and say who lets them and why; gives the job, or the hold where another person has to say so."""
        path = f"/api/v1/holds/{quote(deployment, safe='')}/{quote(digest, safe='')}/approve"
        return self._ask("POST", path, _words(said, reason), fits=_is_job_or_hold)

    def rule(self, hold: str, ruling: str, *, said: str = "", reason: str = "") -> dict[str, Any]:
        """Approve, reject or reopen a hold, and say who does and why; gives the job, or the hold where nothing is queued."""
        path = f"/api/v1/holds/{quote(hold, safe='')}/{ruling}"
        return self._ask("POST", path, _words(said, reason), fits=_is_job_or_hold)

    def look(self, path: str, fits: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Ask for what is at a path; `fits` says whether an answer is that.

        Raises:
            DaemonSilent, DaemonRefused: no such answer came.
        """
        return self._ask("GET", path, fits=fits)

    def ended(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end of a job, however long it takes.

        Raises:
            DaemonSilent: the daemon is gone, or is stopping.
        """
        while True:
            found = self._ask("GET", f"/api/v1/jobs/{job['id']}?wait={WAIT_S}")
            if found["state"] == "done":
                return found

    def _ask(
        self, method: str, path: str, body: object = None, *, fits: Callable[[Mapping[str, Any]], bool] = is_job
    ) -> dict[str, Any]:
        connection = self._connection()
        content = None if body is None else json.dumps(body).encode()
        try:
            metered(connection, ReadLimit(until=time.monotonic() + LONGEST_S, silence_s=ANSWER_S, most=MOST_BYTES))
            connection.request(method, self._url.path.rstrip("/") + path, content, self._headers())
            answer = connection.getresponse()
            text = answer.read()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoDaemon(f"no daemon listens at {self.place}") from error
        except PermissionError as error:
            raise DaemonSilent(
                f"{self.place}: only its owner may use it; run this as the user of the daemon"
            ) from error
        except TooSlow:
            raise DaemonSilent(f"{self.place}: the answer came too slowly and was given up; see: syncd audit") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:  # of a host name that is none
            raise DaemonSilent(f"{self.place}: the daemon gave no answer: {error}; see: syncd audit") from error
        finally:
            connection.close()
        return self._understood(answer.status, text, fits)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Connection": "close", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._path is not None and (who := sudo_user(os.environ)):
            headers[HEADER] = quote(who, safe="@+\\")
        return headers

    def _connection(self) -> http.client.HTTPConnection:
        if self._path is not None:
            return _UnixConnection(self._path)
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=ANSWER_S)

    def _understood(self, status: int, text: bytes, fits: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Read what was asked for, such as a job, or the problem that stands in its place."""
        try:
            found = parse_json(text, most=MOST_VALUES)
        except ValueError:
            found = None
        if not isinstance(found, dict) or (status < 300 and not fits(found)):
            raise DaemonSilent(f"{self.place}: this is not syncd's answer (HTTP {status}); is the address right?")
        if status < 300:
            return found
        detail = str(found.get("detail", f"HTTP {status}"))
        raise DaemonSilent(detail) if status >= 500 else DaemonRefused(detail)


def _words(said: str, reason: str) -> dict[str, str] | None:
    return {name: text for name, text in (("as", said), ("reason", reason)) if text} or None


def is_hold(found: Mapping[str, Any]) -> bool:
    """Say whether an answer is a hold with everything in it that is used."""
    texts = all(isinstance(found.get(name), str) for name in ("id", "deployment", "digest", "state"))
    return texts and isinstance(found.get("said"), list) and all(_is_said(word) for word in found["said"])


def _is_said(word: object) -> bool:
    return isinstance(word, dict) and all(isinstance(word.get(name), str) for name in ("what", "who", "reason", "at"))


def _is_job_or_hold(found: Mapping[str, Any]) -> bool:
    return is_job(found) or is_hold(found)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


def daemon_at(
    settings: Settings | None, *, url: str | None, token_env: str | None, insecure_http: bool = False
) -> DaemonClient | None:
    """Give the daemon that was named on the command line, or the one of the configuration; None: it has no socket.

    Raises:
        ConfigInvalid: the address or the token cannot be used.
    """
    if url is None:
        path = settings.daemon.socket if settings else None
        can_be = path is not None and len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
        return DaemonClient(socket_path=path) if can_be else None
    _check_url(url, insecure_http=insecure_http)
    if not token_env:
        raise _wrong("--token-env", "--url needs a token: name the environment variable that has it")
    token = os.environ.get(token_env, "").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise _wrong("--token-env", f"the environment variable {token_env} has no token")
    remember(token)  # whoever answers may repeat it
    return DaemonClient(url=url, token=token)


def _check_url(url: str, *, insecure_http: bool) -> None:
    from syncd.http.connection import is_loopback

    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.username)
        _ = parts.port  # raises where it is no port
    except ValueError:
        fits = False
    if not fits:
        raise _wrong("--url", "write https://host:port")
    if parts.scheme == "http" and not insecure_http and not is_loopback(parts.hostname or ""):
        raise _wrong(
            "--url",
            "http:// to another machine sends the token in the clear: write https://, or add --insecure-http where the "
            "network in between is yours",
        )


def _wrong(option: str, what: str) -> ConfigInvalid:
    return ConfigInvalid([Problem(option, 0, 0, what)])


# --- showing ------------------------------------------------------------------------------------------------------------


def show_queued(job: Mapping[str, Any], *, as_json: bool) -> None:
    """Print that work was queued, for whoever does not wait."""
    from syncd.cli.output import show_json, show_text

    if as_json:
        show_json(job)
    else:
        show_text(f"queued: job {job['id']} on {counted(len(job['deployments']), 'deployment', 'deployments')}")


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of work, whoever did it. `strangers` says of each name that nobody has it."""

    results: Sequence[DeploymentResult]
    exit_code: int
    strangers: Sequence[str] = ()


def show_results(ended: JobOutcome, *, verb: str, as_json: bool, this: Invocation) -> int:
    """Print what came of work; gives its exit code."""
    from dataclasses import asdict

    from syncd.cli.output import show, show_json

    if as_json:
        shown = {"exit_code": ended.exit_code, "results": [asdict(result) for result in ended.results]}
        show_json({**shown, "strangers": list(ended.strangers)})
    else:
        show(result_lines(ended.results, verb=verb, program=this.program, whole=this.verbose))
        show(Line(safe(text), Style.FAIL) for text in ended.strangers)
    return ended.exit_code


def result_lines(
    results: Sequence[DeploymentResult], *, verb: str, program: str = "syncd", whole: bool = False
) -> Iterator[Line]:
    """Say what came of it: nothing of a deployment with nothing to do, few lines of any other. The last line sums up."""
    for result in results:
        yield from _deployment_lines(result, program=program, extent=EVERYTHING_SHOWN if whole else SHORT)
    quiet = sum(1 for result in results if not _said(result))
    if quiet:
        yield Line(f"nothing to do on {counted(quiet, 'deployment', 'deployments')}", Style.QUIET)
    yield Line(_summary(results, verb=verb), Style.TITLE)


def _deployment_lines(result: DeploymentResult, *, program: str, extent: Extent) -> Iterator[Line]:
    name = safe(result.deployment)
    if said := _said(result):
        style = Style.FAIL if result.error or result.failed or result.not_converged else Style.TITLE
        yield Line(f"{name}: {said}", style)
    yield from (Line(f"  {safe(line)}", Style.FAIL) for line in result.error.splitlines())
    plan = result.plan.get("plan")
    yield from effect_lines_of(plan.get("effects") if isinstance(plan, Mapping) else None)
    yield from _change_lines(result.plan, extent)
    if _paused(result.plan):
        yield from _pause_lines(result.plan.get("pause"), program=program)
    if result.held:
        is_of_all = not isinstance(plan, Mapping) or plan.get("scope") is None
        at = (result.deployment, result.held, result.hold)
        yield from ways_of_held(*at, is_of_all=is_of_all, program=program, indent=2)


def _pause_lines(pause: object, *, program: str) -> Iterator[Line]:
    """Say until when changes wait, by whom and why, and how that ends sooner."""
    if not isinstance(pause, Mapping):
        return
    what, until = "only removals" if pause.get("removals_only") else "all changes", pause.get("until")
    ends = f"until {str(until)[:16].replace('T', ' ')} UTC" if until else "until it is resumed"
    said = f"{what} on {pause.get('scope')} paused {ends} by {pause.get('by')}: {pause.get('reason')}"
    yield Line(f"  {safe(said)}", Style.WARN)
    command = f"{program} resume {safe(str(pause.get('id')))}"
    yield Line(f"  to end it now: {command}", Style.WARN, whole=command)


def _said(result: DeploymentResult) -> str:
    planned, skipped, paused = _planned(result.plan), _skipped(result.plan), _paused(result.plan)
    words = [
        (result.applied, f"{number(result.applied)} applied"),
        (result.failed, f"{number(result.failed)} failed"),
        (result.not_converged, f"{number(result.not_converged)} accepted by the server and not kept"),
        (skipped, f"{number(skipped)} skipped, because it is only observed (mode = observe)"),
        (planned and not (result.applied or result.failed or skipped or paused), counted(planned, "change", "changes")),
        (paused, f"{number(paused)} paused"),
        (bool(result.held), f"held{f' as {safe(result.hold)}' if result.hold else ''}, and needs approval"),
        (bool(result.error), "failed"),
    ]
    return ", ".join(text for count, text in words if count)


def _planned(plan: Mapping[str, object]) -> int:
    """Count the changes of a plan, those too that the daemon left out of a large result."""
    left_out = plan.get("left_out")
    more = left_out.get("plan.changes", 0) if isinstance(left_out, Mapping) else 0
    return len(changes_of(plan)) + (more if isinstance(more, int) else 0)


def _paused(plan: Mapping[str, object]) -> int:
    """Count the changes that wait for the end of a pause."""
    paused = plan.get("paused")
    return len(changes_of({"plan": paused})) if isinstance(paused, Mapping) else 0


def _skipped(plan: Mapping[str, object]) -> int:
    """Count the changes that were to be made, and were not because their deployment is only observed."""
    return _planned(plan) if plan.get("mode") == "observe" and plan.get("outcomes") else 0


def _change_lines(plan: Mapping[str, object], extent: Extent) -> Iterator[Line]:
    changes, planned = changes_of(plan), _planned(plan)
    yield from change_lines(map(ChangeView.read, changes), extent)
    if planned > len(changes):
        yield Line(f"    {and_more(planned - len(changes))} (see -o json)", Style.QUIET)


def _summary(results: Sequence[DeploymentResult], *, verb: str) -> str:
    total = Counter[str]()
    for result in results:
        total["applied"] += result.applied
        total["failed"] += result.failed
        total["not converged"] += result.not_converged
        total["skipped"] += _skipped(result.plan)
        total["paused"] += _paused(result.plan)
        total["calls"] += result.calls
    held = sum(1 for result in results if result.held)
    wrong = sum(1 for result in results if result.error)
    said = [
        f"{number(total[word])} {word}"
        for word in ("applied", "failed", "not converged", "skipped", "paused")
        if total[word]
    ]
    said += [f"{counted(held, 'deployment', 'deployments')} held"] if held else []
    said += [f"{counted(wrong, 'deployment', 'deployments')} failed"] if wrong else []
    planned = sum(_planned(result.plan) for result in results)
    said = said or ([counted(planned, "change", "changes")] if planned else ["nothing to do"])
    slowest = max((result.seconds for result in results), default=0.0)
    looked = counted(len(results), "deployment", "deployments")
    return f"{verb}: {', '.join(said)} ({looked}, {slowest:.1f} s, {counted(total['calls'], 'call', 'calls')})"
