"""What a kind of source is: its table in the configuration, how it is opened, and what `doctor` asks of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from syncd.fields import SettingsTable
from syncd.http.rests import OwnRests, Rests
from syncd.model import Attribute, CheckResult

if TYPE_CHECKING:
    from syncd.ports import Emit, Source


def silent(event: str, /, **facts: object) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class SourceSurroundings:
    """What a source is given besides its settings.

    now       tells the time
    emit      is told what the source meets: users in doubt (`user_in_doubt`), reads that ended before they were whole
              (`read_cut_short`)
    rests     where it is kept that a provider wants to be left alone
    stopping  says whether the process is about to end: then a read ends too
    everyone  whether a mapping line asks for everybody in the source (`everyone:`, or people named one by one): a snapshot
              then holds them as the group `model.EVERYONE`, with a certificate, and each of them as a person
    """

    now: Callable[[], datetime]
    emit: Emit = silent
    rests: Rests = field(default_factory=OwnRests)
    stopping: Callable[[], bool] = bool
    everyone: bool = False


class SourceTable(Protocol):
    """The table of a source, as far as each of them is one: a pydantic model of `fields.SettingsTable`."""

    @property
    def type(self) -> str: ...

    @property
    def email_domains(self) -> tuple[str, ...]: ...

    def settings(self) -> object:
        """Give what the source takes: frozen, and the same for the same table."""
        ...


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source.

    name      the `type` of its table
    table     its table, a `SourceTable`
    open      makes a source of its name and the table's settings; asks nobody anything
    examine   says whether syncd can work with it, by a few requests
    attributes
              what it tells of people besides their e-mail, for mapping lines to ask for (`where`)
    provider  whom it asks, for who wants to be left alone; None: nobody, it reads what is on this machine, and `check` reads it
              too
    """

    name: str
    table: type[SettingsTable]
    open: Callable[[str, Any, SourceSurroundings], Source]
    examine: Callable[[str, Any, Callable[[], datetime]], tuple[CheckResult, ...]]
    attributes: frozenset[Attribute] = frozenset()
    provider: Callable[[Any], str] | None = None
