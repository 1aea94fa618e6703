"""The tables of what people may be given for a time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from syncd.fields import Names, SettingsTable, Span, Text, span
from syncd.model import Allowance, GrantsAllowed, LabelTest, nfc

_Some = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]


class AllowTable(SettingsTable):
    """One thing that may be given for a time; write `[[grants.allow]]` once for each. What none of them allows is refused."""

    by: _Some
    """Who may ask for it: globs of users of this machine (`anna`, `*`), and of tokens of the HTTP API (`token:oncall`)."""
    roles: _Some
    """Which roles: globs of names of the mapping, or of the deployment's own, as in `"Op"` and `"fin-*"`."""
    longest: Span
    """For how long at most: `"2h"`."""
    groups: Names = ()
    """Whom it may be given to: who is in one of these groups, `SOURCE:NAME` or `SOURCE:ID`, when it is given. None named: anybody
    who is known to a source."""
    deployments: dict[Text, _Some] = Field(default={})
    """Where: by label, the values of which a deployment has one, as in `{env = ["dev", "test"]}`; the label `name` is its name.
    None named: everywhere."""
    approvers: Names = ()
    """Who lets it pass, as in `by`: another person than who asked for it. None named: nobody has to."""

    @field_validator("longest")
    @classmethod
    def _long_enough(cls, text: str) -> str:
        if span(text).total_seconds() < 60:
            raise ValueError(f'at least "1m" is wanted here, not "{text}"')
        return text

    @field_validator("groups")
    @classmethod
    def _with_source(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        for group in groups:
            source, _, name = group.partition(":")
            if not source or not name:
                raise ValueError(f'"{group}" names no group; write SOURCE:NAME, as in "okta:oncall"')
        return groups


class GrantsTable(SettingsTable):
    """What people may be given for a time with `syncd grant`. Once anything may be, everybody in each source is read, so that
    nothing is given to who left, and nothing outlives their leaving."""

    wait: Span = "24h"
    """For how long a request waits for another person's word; at least `1m`."""
    allow: Annotated[tuple[AllowTable, ...], Field(strict=False)] = ()
    """What may be given, by whom, to whom, where and for how long. None: nothing may."""

    @field_validator("wait")
    @classmethod
    def _long_enough(cls, text: str) -> str:
        if span(text).total_seconds() < 60:
            raise ValueError(f'at least "1m" is wanted here, not "{text}"')
        return text


def grants_allowed(table: GrantsTable) -> GrantsAllowed:
    """Give what the tables allow."""
    return GrantsAllowed(tuple(map(_allowance, table.allow)), span(table.wait))


def _allowance(table: AllowTable) -> Allowance:
    tests = (LabelTest(nfc(name), frozenset(map(nfc, values))) for name, values in sorted(table.deployments.items()))
    roles, groups = tuple(map(nfc, table.roles)), tuple(map(nfc, table.groups))
    return Allowance(table.by, roles, span(table.longest), groups, tuple(tests), table.approvers)
