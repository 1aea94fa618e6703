"""Say what is wrong with a configuration, at its place, in words that tell what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from syncd.config.sections import NAME, keys_of
from syncd.errors import Problem
from syncd.targets import TARGETS, USUAL
from syncd.text.strict import Strict
from syncd.text.toml import Written, dotted
from syncd.text.toml_places import Path

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Near = Callable[[str, Collection[str]], str]
_WANTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is not inf or nan",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "is_instance_of": "text in quotes",
    "tuple_type": "a list in [ ]",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "string_too_short": "at least one character long",
}
_BOUNDS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "string_too_short"})
"""Where a value has the type that is wanted; of another type it may be a secret that was written in place of its table."""
_SEEN: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    ((list, tuple), "a list"),
    (dict, "a table"),
)


def settings_problems(written: Written, errors: Iterable[ErrorDetails]) -> Iterator[Problem]:
    """Turn each finding of pydantic into a problem at the key or value that it is about."""
    near = Strict().near
    for error in errors:
        yield _problem(written, error, near)


def _problem(written: Written, error: ErrorDetails, near: _Near) -> Problem:
    about_key = error["loc"][-1] == "[key]"
    loc = error["loc"][:-1] if about_key else error["loc"]
    wanted = tuple(loc[:-1]) if error["type"] == "missing" else tuple(loc)
    path = _written_path(written.values, wanted)
    at_key = about_key or error["type"] in ("missing", "extra_forbidden", "too_short", "union_tag_not_found")
    if error["type"] == "union_tag_invalid":  # pydantic points at the table, and means the key that tells its kind
        path = (*path, "type")
    place = written.places.key(path) if at_key else written.places.value(path)
    hint = (
        _hint(str(loc[-1]), _known_keys(written.values, path[:-1]), near) if error["type"] == "extra_forbidden" else ""
    )
    return written.problem(place, _sentence(error, path=path, key=str(loc[-1]), hint=hint))


def _written_path(values: Mapping[str, Any], loc: Path) -> Path:
    """Find what a location speaks of in the file: a deployment's own key, else the default that it was filled from."""
    if loc[:1] != ("deployments",) or len(loc) < 3:
        return _deepest(values, loc)
    rest = loc[2:]
    own = (*loc[:2], *_deepest(values["deployments"][loc[1]], rest))
    default = ("defaults", *_deepest(values.get("defaults", {}), rest))
    shared = _deepest(values, rest) if rest[0] in ("limits", "guard") else ()
    found = [(own, len(own) - 2), (default, len(default) - 1), (shared, len(shared))]
    return max(found, key=lambda candidate: candidate[1])[0]


def _deepest(values: Any, loc: Path) -> Path:
    """Follow a location as far as the file goes.

    A location also names what is not in the file (the branch of a union, the one element of what was not written as a
    list): such parts are passed over.
    """
    path: Path = ()
    for part in loc:
        if part in values if isinstance(values, dict) else isinstance(values, list) and part in range(len(values)):
            values = values[part]
            path = (*path, part)
    return path


def _sentence(error: ErrorDetails, *, path: Path, key: str, hint: str) -> str:
    name = dotted(path)
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{name} has no {key}" if path else f"no table [{key}.NAME] is here: write one, with a name of yours"
        case "too_short":
            return f"{name} is empty: write at least one"
        case "extra_forbidden":
            table = f" in {dotted(path[:-1])}" if path[:-1] else ""
            shown = "this is no key" if _is_secret(path[:-1]) else f'unknown key "{key}"'
            return f"{shown}{table}{hint}"
        case "union_tag_not_found":
            return f"{name} has no type"
        case "union_tag_invalid":
            *front, last = _quoted(context["expected_tags"]).split(", ")
            seen = _seen(error["input"]["type"], shown=not _is_secret(path))
            return f"{name} must be {', '.join(front)} or {last}, not {seen}"
        case "literal_error":
            shown = _seen(error["input"], shown=not _is_secret(path))
            return f"{name} must be {_quoted(context['expected'])}, not {shown}"
        case "string_pattern_mismatch":
            return f"{name}: a name is made of letters, digits, - and _, begins with a letter or a digit, and has at most 63"
        case "value_error":
            return f"{name}: {context['error']}"
        case kind if kind in _WANTED:
            wanted, seen = _WANTED[kind].format_map(context), _seen(error["input"], shown=kind in _BOUNDS)
            return f"{name} must be {wanted}, not {seen}"
        case _:
            return f"{name}: {error['msg']}"


_SECRET = frozenset({"auth", "password", "token", "secret", "key", "passphrase"})


def _is_secret(path: Path) -> bool:
    """Say whether a secret may have been written here by mistake; then neither keys nor values are repeated."""
    return path[:1] != ("join",) and not _SECRET.isdisjoint(path)


def _hint(word: str, known: frozenset[str], near: _Near) -> str:
    return near(word, known) or f"; known here: {', '.join(sorted(known))}"


def _quoted(expected: str) -> str:
    return expected.replace("'", '"')


def _seen(value: object, *, shown: bool) -> str:
    """Describe a value by its kind; the value itself only where it cannot be a secret."""
    if shown and not isinstance(value, list | dict):
        return f'"{value}"' if isinstance(value, str) else str(value).lower()
    return next((words for kind, words in _SEEN if isinstance(value, kind)), "a date or time")


def _known_keys(values: Mapping[str, Any], table: Path) -> frozenset[str]:
    """Give the keys that a table of the file may have."""
    names = tuple(part for part in table if isinstance(part, str))
    match names:
        case ("defaults", *rest):
            return keys_of(("deployments", NAME, *rest), _kind_of(values["defaults"]))
        case ("deployments", name, *_):
            return keys_of(names, _kind_of(values["deployments"][name]))
        case ("sources", name, *_):
            return keys_of(names, str(values["sources"][name].get("type")))
        case _:
            return keys_of(names, "")


def _kind_of(deployment: Mapping[str, Any]) -> str:
    """Give the kind of target whose keys a deployment may have: where the kind is wrong itself, the usual one."""
    named = deployment.get("type", USUAL)
    return named if isinstance(named, str) and named in TARGETS else USUAL
