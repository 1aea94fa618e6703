"""A small tenant with everything in it that reading must cope with, and a source that reads it without real waiting."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from syncd.errors import SourceUnavailable
from syncd.http.backoff import Waiting
from syncd.http.secrets import Secret
from syncd.model import Snapshot
from syncd.sandbox.entra import EntraStandIn, Served
from syncd.sources.entra import ClientSecret, EntraSettings, EntraSource, GroupSelection
from syncd.sources.kind import SourceSurroundings

SECRET_PLACE = "SYNCD_TEST_ENTRA_SECRET"
PAGE = 5
APP = "99999999-8888-4777-8666-555555555555"


class World:
    """The tenant's objects by name.

    finance    12 people, one of them disabled, a device and a service principal
    ops        4 people, and `nested` in it, which has 6 more, and `deep` in that with 1; read with its nested groups
    empty      nobody
    app roles  Admin: one person, one of `nested`; Viewer: those of finance; and an assignment without a role
    """

    def __init__(self) -> None:
        self.standin = EntraStandIn()
        tenant = self.tenant = self.standin.tenant
        self.people = [tenant.add_user(f"given{n}.family{n}") for n in range(24)]
        self.disabled = tenant.add_user("dora.gone", enabled=False)
        self.guest = tenant.add_guest("gina.guest", "gina_m@partner.example", mail_known=False)
        self.finance = tenant.add_group("finance", [*self.people[:11], self.disabled])
        tenant.join(self.finance, tenant.add_thing("device"), tenant.add_thing("servicePrincipal"))
        self.deep = tenant.add_group("deep", [self.people[23]])
        self.nested = tenant.add_group("nested", [*self.people[14:20], self.deep])
        self.ops = tenant.add_group("ops", [*self.people[10:13], self.guest, self.nested])
        self.empty = tenant.add_group("empty")
        self.app = tenant.add_app(APP, ["Admin", "Viewer"])
        tenant.assign(self.app, self.people[20], "Admin")
        tenant.assign(self.app, self.people[15], "Admin")
        tenant.assign(self.app, self.finance, "Viewer")
        tenant.assign(self.app, self.people[1], "")

    def truth(self) -> dict[str, frozenset[str]]:
        """Give who is in which group that `settings` selects, by the group's name."""
        tenant = self.tenant
        direct = {g.displayName: tenant.people(g.id) for g in tenant.groups.values() if g.displayName != "ops"}
        if self.ops in tenant.groups:
            direct["ops"] = tenant.people(self.ops, transitive=True)
        for role, value in tenant.apps[self.app].roles.items():
            having = [principal for principal, of in tenant.apps[self.app].assignments if of == role]
            through = [p for g in having if g in tenant.groups for p in tenant.people(g)]
            direct[f"approle:{value}"] = frozenset(through) | (set(having) & tenant.users.keys())
        return direct

    def settings(self, where: Served, **changes: Any) -> EntraSettings:
        """Select everything: one group by id, one by name with its nested groups, the rest as all, and the app roles."""
        os.environ[SECRET_PLACE] = self.standin.authority.client.secret
        settings = EntraSettings(
            tenant=self.standin.authority.tenant,
            client_id=self.standin.authority.client.id,
            credential=ClientSecret(Secret("env", (SECRET_PLACE,))),
            groups=(
                GroupSelection("id", self.finance.upper()),
                GroupSelection("name", "Ops", transitive=True),
                GroupSelection("all"),
            ),
            authority=where.authority,
            graph=where.graph,
            app_roles=(APP,),
            page_size=PAGE,
            concurrency=2,
            timeout_s=10.0,
            ca=where.ca,
        )
        return replace(settings, **changes)

    def source(
        self, where: Served, *, waits: list[float] | None = None, everyone: bool = False, **changes: Any
    ) -> EntraSource:
        """Give a source that notes its waits and does not keep them."""
        noted = waits if waits is not None else []
        settings = self.settings(where, **changes)
        return EntraSource(
            "entra",
            settings,
            SourceSurroundings(now, everyone=everyone),
            waiting=Waiting(pause=noted.append, chance=lambda: 0.5),
        )


def now() -> datetime:
    return datetime.now(UTC)


def members(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    return {group.name: group.members for group in snapshot.groups}


def doubts(snapshot: Snapshot) -> dict[str, str]:
    """Give why groups are not certified."""
    return {group.name: group.certificate.why for group in snapshot.groups if not group.certificate.complete}


def or_error(read: Callable[[], Snapshot]) -> Snapshot | None:
    """Read; None where the source says that nothing can be said."""
    with suppress(SourceUnavailable):
        return read()
    return None


def lost(snapshot: Snapshot, truth: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Give the people whom a reader of this snapshot may take access from although they have a right to it."""
    found = {group.name: group for group in snapshot.groups}
    wrong = {}
    for name, people in truth.items():
        group = found.get(name)
        missing = people if group is None else people - group.members
        if missing and (group is None or group.certificate.complete):
            wrong[name] = missing
    return wrong
