"""One request as handlers see it, and what they read from it: page, order, body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from syncd.sandbox.airflow.abilities import Abilities
from syncd.sandbox.airflow.answers import OOOPS, Connexion, Denied, Dialect, Wrong
from syncd.sandbox.airflow.authorise import Caller, Gate
from syncd.sandbox.airflow.state import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RouteCall:
    """A request as it came over the wire; the path is decoded and without the server's own base path."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """A call, who makes it, and the server it reached."""

    call: RouteCall
    caller: Caller
    dialect: Dialect
    abilities: Abilities
    state: State
    gate: Gate

    @property
    def connexion(self) -> bool:
        return isinstance(self.dialect, Connexion)

    def require(self, allowed: bool) -> None:
        if not allowed:
            raise self.dialect.forbidden()

    def one(self, name: str) -> str | None:
        values = self.call.query.get(name)
        return values[-1] if values else None

    def all(self, name: str) -> Sequence[str]:
        return self.call.query.get(name, ())

    def known_parameters(self, *names: str) -> None:
        """Refuse parameters that connexion does not know; FastAPI ignores them."""
        extra = sorted(self.call.query.keys() - set(names))
        if self.connexion and extra:
            raise self.dialect.refuse(400, f"Extra query parameter(s) {', '.join(extra)} not in spec", title=None)

    def page(self, rows: Sequence[T], *, default: int | None = None, at_zero: int) -> Sequence[T]:
        """Cut the asked page out; more than the server's limit is cut to it without a word."""
        most = self.abilities.page_limit
        limit = self._number("limit", default=most if default is None else default)
        offset = self._number("offset", default=0)
        limit = at_zero if limit == 0 else min(limit, most)
        return rows[offset : offset + limit]

    def _number(self, name: str, *, default: int) -> int:
        text = self.one(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            raise self._bad_number(name, "int_parsing", text) from None
        if number < 0:
            raise self._bad_number(name, "greater_than_equal", text)
        return number

    def _bad_number(self, name: str, kind: str, text: str) -> Denied:
        if not self.connexion:
            says = "unable to parse string as an integer" if kind == "int_parsing" else "greater than or equal to 0"
            return self.dialect.invalid([Wrong(kind, ("query", name), f"Input should be {says}", text)])
        if kind == "int_parsing":
            return self.dialect.refuse(400, f"Wrong type, expected 'integer' for query parameter '{name}'")
        return self.dialect.refuse(400, None, title="Page limit must be a positive integer")

    def sorted(self, rows: Sequence[T], orders: Mapping[str, Callable[[T], Any]], *, default: str) -> list[T]:
        """Order rows as `order_by` says; connexion takes no descending order."""
        asked = self.one("order_by") or default
        if asked.lstrip("-") not in orders or (self.connexion and asked.startswith("-")):
            says = f"Ordering with '{asked}' is disallowed or the attribute does not exist on the model"
            raise self.dialect.refuse(400, says)
        return sorted(rows, key=orders[asked.lstrip("-")], reverse=asked.startswith("-"))

    def json(self) -> Any:
        """Read the body."""
        if self.connexion and not self.call.headers.get("content-type", "").startswith("application/json"):
            assert isinstance(self.dialect, Connexion)
            raise self.dialect.unrouted(415)
        try:
            return json.loads(self.call.body)
        except ValueError:
            if self.connexion:
                raise self.dialect.refuse(400, "Request body is not valid JSON") from None
            raise self.dialect.invalid([Wrong("json_invalid", ("body", 0), "JSON decode error", {})]) from None

    async def write_permission(self) -> None:
        """Take the time that writing one permission takes, so that others see what is done so far."""
        if self.abilities.seconds_per_permission:
            await asyncio.sleep(self.abilities.seconds_per_permission)


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a body. `names` is a list of {"name"}, `pairs` one of {"action": {"name"}, "resource": {"name"}}."""

    name: str
    kind: Literal["text", "names", "pairs"] = "text"
    required: bool = False
    nullable: bool = False
    shortest: int = 0
    longest: int | None = None


def check(request: Request, fields: Sequence[Field]) -> dict[str, Any]:
    """Read a body and refuse it if it is not as these fields say; gives its keys."""
    body = request.json()
    if not isinstance(body, dict):
        raise request.dialect.invalid(
            [Wrong("model_attributes_type", ("body",), "Input should be a valid object", body)]
        )
    if request.connexion:
        _as_specified(request, fields, body)
    known = {field.name for field in fields}
    wrong = [Wrong("extra_forbidden", ("body", k), _says(request, "extra"), body[k]) for k in body if k not in known]
    for field in fields:
        wrong += _check_field(request, field, body)
    if wrong:
        raise request.dialect.invalid(wrong)
    return body


_READ_ONLY = ("active",)


def _as_specified(request: Request, fields: Sequence[Field], body: Mapping[str, Any]) -> None:
    """Connexion compares a body with the OpenAPI document first, and says the first that is wrong (2.9.0 to 3.1.8)."""
    for name in _READ_ONLY:
        if name in body:
            raise request.dialect.refuse(400, f"Property is read-only - {name!r}")
    for field in fields:
        if field.shortest and body.get(field.name) == "":
            raise request.dialect.refuse(400, f"'' should be non-empty - {field.name!r}")


def _says(request: Request, what: str) -> str:
    two, three = {
        "extra": ("Unknown field.", "Extra inputs are not permitted"),
        "missing": ("Missing data for required field.", "Field required"),
        "text": ("Not a valid string.", "Input should be a valid string"),
        "list": ("Invalid type.", "Input should be a valid list"),
    }[what]
    return two if request.connexion else three


def _check_field(request: Request, field: Field, body: Mapping[str, Any]) -> list[Wrong]:
    at, value = ("body", field.name), body.get(field.name)
    if field.name not in body:
        return [Wrong("missing", at, _says(request, "missing"), body)] if field.required else []
    if value is None and field.nullable:
        return []
    if field.kind != "text":
        return _check_list(request, field, value)
    if not isinstance(value, str):
        return [Wrong("string_type", at, _says(request, "text"), value)]
    if len(value) < field.shortest:
        return [Wrong("string_too_short", at, f"String should have at least {field.shortest} character", value)]
    if field.longest is not None and len(value) > field.longest:
        return [Wrong("string_too_long", at, f"Longer than maximum length {field.longest}.", value)]
    return []


def _check_list(request: Request, field: Field, value: object) -> list[Wrong]:
    if not isinstance(value, list):
        return [Wrong("list_type", ("body", field.name), _says(request, "list"), value)]
    parts = ("name",) if field.kind == "names" else ("action", "resource")
    return [wrong for i, row in enumerate(value) for wrong in _check_row(request, ("body", field.name, i), parts, row)]


def _check_row(request: Request, at: tuple[str | int, ...], parts: Sequence[str], row: object) -> list[Wrong]:
    if not isinstance(row, dict):
        return [Wrong("model_attributes_type", at, "Input should be a valid dictionary", row)]
    missing = [part for part in parts if part not in row]
    if missing and request.connexion and parts != ("name",):
        raise Denied(OOOPS)  # an action without its resource: seen in 2.11.2
    wrong = [Wrong("missing", (*at, part), _says(request, "missing"), row) for part in missing]
    named = [part for part in parts if part in row and part != "name" and not _has_name(row[part])]
    return wrong + [Wrong("model_attributes_type", (*at, part), "Input should be a valid dictionary") for part in named]


def _has_name(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)
