"""What tables of the configuration are made of: strict keys, paths, secrets by reference, addresses, headers, spans of time."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    model_validator,
)

from syncd.files import MIB, read_file
from syncd.http.connection import is_loopback
from syncd.http.secrets import Secret
from syncd.text.characters import unseen


class SettingsTable(BaseModel):
    """A table that takes its own keys, in their own types, and nothing else. What stands under a key is its documentation, which
    `config.reference` reads; pydantic would read it in every command."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def in_folder(value: object, info: ValidationInfo) -> object:
    """Take a path as seen from the folder of the configuration file."""
    folder: Path = (info.context or {})["folder"]
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise ValueError("a path cannot hold the character U+0000")
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no user {value.partition('/')[0]}, whose home folder this would be in") from None


def _readable_pem(path: Path) -> Path:
    try:
        content = read_file(path, largest=MIB)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if b"-----BEGIN " not in content:
        raise ValueError(f"{path} is not a PEM file: no line in it starts with -----BEGIN")
    return path


def list_of_one(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _by_reference(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(
            'a secret is not written here; say where it is: {env = "NAME"}, {file = "path"}, {credential = "name"} '
            'or {command = ["program", "argument"]}'
        )
    return value


def _visible(text: str) -> str:
    if found := unseen(text):
        raise ValueError(f"this has the character {found} in it, which nobody can see; take it out")
    return text


Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_visible)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Names = Annotated[tuple[Text, ...], Field(strict=False)]
InFolder = Annotated[Path, BeforeValidator(in_folder)]


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Reference(SettingsTable):
    """Where a secret is, here and wherever else one is wanted (`database.password`, `token`, a header). Exactly one key.
    The secret is read each time it is needed; what was read is blotted out of everything that syncd writes, if it has at
    least 8 characters."""

    env: Text | None = None
    """Name of the environment variable that holds it."""
    file: InFolder | None = None
    """File that holds it and nothing else; a line end at its end is dropped."""
    credential: Text | None = None
    """Name of the systemd credential (`LoadCredential=`) that holds it."""
    command: Names | None = None
    """Program and arguments; what it prints is the secret. No shell reads it."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("say where the secret is in exactly one way: env, file, credential or command")
        if self.env and not _VARIABLE.fullmatch(self.env):
            raise ValueError(
                "env is the name of an environment variable, such as AIRFLOW_PASSWORD, not the secret itself"
            )
        if self.command == ():
            raise ValueError("command names no program")
        if self.credential and Path(self.credential).name != self.credential:
            raise ValueError("credential is the name of a systemd credential, not a path")
        return self

    def secret(self) -> Secret:
        """Give the secret that this speaks of; it is not read yet."""
        [(kind, place)] = self.model_dump(exclude_unset=True).items()
        return Secret(kind, place if isinstance(place, tuple) else (str(place),))


SecretReference = Annotated[Reference, BeforeValidator(_by_reference)]
PemFile = Annotated[Path, BeforeValidator(in_folder), AfterValidator(_readable_pem)]


def kind_of_value(value: object) -> str:
    return "reference" if isinstance(value, dict | Reference) else "text"


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError("this cannot be the name of a header")
    return name


def _header_text(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        raise ValueError("the value of a header may only have printable ASCII characters")
    return text


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[
    Annotated[str, AfterValidator(_header_text), Tag("text")] | Annotated[Reference, Tag("reference")],
    Discriminator(kind_of_value),
]


_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=36500)  # a hundred years; Python has no date from which far more could be taken


def _span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        raise ValueError('a span of time is a number and a unit: "90s", "30m", "6h" or "1d"')
    if span(text) > _LONGEST:
        raise ValueError(f"a span of time is at most {_LONGEST.days}d")
    return text


Span = Annotated[str, AfterValidator(_span)]


def span(text: str) -> timedelta:
    """Read a span of time that `Span` accepted."""
    found = _SPAN.fullmatch(text)
    assert found is not None  # the check of `Span`
    number, unit = found.groups()
    return timedelta(**{_UNITS[unit]: float(number)})


def read_span(text: str) -> timedelta:
    """Read a span of time that somebody typed.

    Raises:
        ValueError: it is none; says how one is written.
    """
    return span(_span(text))


NO_ADDRESS = "this is no address; look at its port, at brackets, and at what stands before the host"


def web_address(url: str) -> SplitResult:
    parts = split_url(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as https://airflow.example.com is wanted here")
    if "@" in url:  # a "/", "#" or "?" in a password puts a part of it into the path
        raise ValueError("user name and password are not written into an address")
    if not _is_host(parts.hostname):
        raise ValueError("the host name in it cannot be: each part between dots has 1 to 63 characters")
    return parts


def over_tls(url: str) -> str:
    """Refuse an address that credentials would be sent to in the clear; this machine is spared."""
    parts = web_address(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("credentials are only sent over https://; write the address so")
    return url


Proxy = Annotated[Text, AfterValidator(lambda url: web_address(url).geturl())]


def _is_host(name: str) -> bool:
    """Say whether a name can be looked up; libraries fail over the others, each in a way of its own."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def split_url(url: str) -> SplitResult:
    """Part a URL; `urlsplit` finds out about a wrong port only when it is asked for the port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(NO_ADDRESS) from None  # what urlsplit says repeats the address
    return parts
