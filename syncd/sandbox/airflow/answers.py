"""Answers, and the two dialects in which an Airflow refuses: connexion's problem+json and FastAPI's detail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AirflowAnswer:
    """What goes back over the wire. `length` is what Content-Length claims where that is not the truth."""

    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None


class Denied(Exception):
    """Ends the handling of a request with an answer that is not a success."""

    def __init__(self, answer: AirflowAnswer) -> None:
        self.answer = answer
        super().__init__(answer.status)


def answer(value: object, status: int = 200) -> AirflowAnswer:
    """Answer with JSON."""
    return AirflowAnswer(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def page(title: str, status: int) -> AirflowAnswer:
    """Answer with a web page."""
    return AirflowAnswer(status, f"<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>\n".encode(), HTML)


LOST = page("Airflow 404", 404)
OOOPS = page("Ooops!", 500)
CRASHED_2 = page("Internal Server Error", 500)
CRASHED_3 = AirflowAnswer(500, b"Internal Server Error", TEXT)
APPLICATION = page("Airflow", 200)
"""The single page application, which Airflow 3 serves for every path that it does not know."""


DELETED = AirflowAnswer(204)
DELETED_DAG_3 = AirflowAnswer(204, content_type=None)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing wrong in a request: `kind` in pydantic's words, `at` the path to it."""

    kind: str
    at: tuple[str | int, ...]
    says: str
    got: object = None


_PROBLEMS = {
    400: ("Bad Request", "BadRequest"),
    401: ("Unauthorized", "Unauthenticated"),
    403: ("Forbidden", "PermissionDenied"),
    404: ("Not Found", "NotFound"),
    409: ("Conflict", "AlreadyExists"),
    500: ("Internal Server Error", "Unknown"),
}
_UNROUTED = {
    404: (
        "Not Found",
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and"
        " try again.",
    ),
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    415: ("Unsupported Media Type", "Invalid Content-type (), expected JSON data"),
}


@dataclass(frozen=True, slots=True)
class Connexion:
    """How Airflow 2, and the FAB provider before it moved to FastAPI, refuse."""

    version: str

    def refuse(self, status: int, detail: str | None = None, *, title: str | None = "") -> Denied:
        """Refuse; an empty title is the usual one of the status."""
        usual, kind = _PROBLEMS[status]
        where = f"https://airflow.apache.org/docs/apache-airflow/{self.version}/stable-rest-api-ref.html"
        return _problem(status, detail, usual if title == "" else title, f"{where}#section/Errors/{kind}")

    def unrouted(self, status: int) -> Denied:
        title, detail = _UNROUTED[status]
        return _problem(status, detail, title, "about:blank")

    def invalid(self, found: Iterable[Wrong]) -> Denied:
        said: dict[str, list[str]] = {}
        for wrong in found:
            said.setdefault(str(wrong.at[-1]), []).append(wrong.says)
        return self.refuse(400, str(said))

    def unauthenticated(self) -> Denied:
        return self.refuse(401)

    def forbidden(self) -> Denied:
        return self.refuse(403)

    def crashed(self) -> Denied:
        return Denied(CRASHED_2)


def _problem(status: int, detail: str | None, title: str | None, kind: str) -> Denied:
    body = json.dumps({"detail": detail, "status": status, "title": title, "type": kind}, indent=2) + "\n"
    return Denied(AirflowAnswer(status, body.encode(), PROBLEM))


@dataclass(frozen=True, slots=True)
class FastApi:
    """How Airflow 3 refuses. A 422 says what was sent, passwords too: that is how a real server does it."""

    def refuse(self, status: int, detail: object = None, *, title: str | None = "") -> Denied:  # noqa: ARG002
        return Denied(answer({"detail": detail}, status))

    def invalid(self, found: Iterable[Wrong]) -> Denied:
        return self.refuse(422, [{"type": w.kind, "loc": w.at, "msg": w.says, "input": w.got} for w in found])

    def unauthenticated(self) -> Denied:
        return self.refuse(401, "Not authenticated")

    def forbidden(self) -> Denied:
        return self.refuse(403, "Forbidden")

    def crashed(self) -> Denied:
        return Denied(CRASHED_3)


Dialect = Connexion | FastApi
