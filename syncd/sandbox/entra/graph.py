"""Microsoft Graph v1.0, as far as directories are read: the true answer to each request. Lies are told elsewhere."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlencode

from syncd.sandbox.entra.answers import Asked, GraphAnswer, GraphRefusal
from syncd.sandbox.entra.queries import filtered, need_advanced, opened, sealed, selected, top
from syncd.sandbox.entra.tenant import Tenant, TenantApp, TenantEvent

USER_FIELDS = (
    "id",
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "displayName",
    "accountEnabled",
    "userType",
    "employeeId",
    "department",
    "employeeType",
)
GROUP_FIELDS = ("id", "displayName", "visibility", "securityEnabled")
LIMITED = frozenset({"id"})
"""All that is shown of people to an application without User.Read.All."""
QUERY_COSTS = (
    (r"/transitiveMembers", 5),
    (r"/members", 3),
    (r"^/users(\?|$)", 2),
    (r"/transitiveMemberOf", 2),
)
"""Resource units by path, as documented; others cost 1, $select saves 1, a $top below 20 saves 1."""

GraphEntry = dict[str, object]


@dataclass(frozen=True, slots=True)
class Rights:
    """Which application permissions were granted."""

    users: bool = True
    groups: bool = True
    hidden_members: bool = False
    applications: bool = True


class Graph:
    """Answers requests from a tenant. `base` is the URL that links in answers begin with."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.base = ""
        self.rights = Rights()
        self.default_page = 100
        self.delta_page = 200
        self.shuffle: random.Random | None = None
        """Where given, delta entries come in an order that it decides, some of them twice."""
        self.epoch = 0
        """Delta tokens of an earlier epoch have expired."""
        self._routes: tuple[tuple[re.Pattern[str], Callable[..., GraphAnswer]], ...] = tuple(
            (re.compile(pattern + "$"), handler)
            for pattern, handler in (
                (r"/groups", self._groups),
                (r"/(groups|users)/delta(?:\(\))?", self._delta),
                (r"/groups/([^/]+)", self._group),
                (r"/groups/([^/]+)/(members|transitiveMembers)(?:/((?:microsoft\.)?graph\.user))?", self._members),
                (r"/users", self._users),
                (r"/users/([^/]+)", self._user),
                (r"/users/([^/]+)/transitiveMemberOf/microsoft\.graph\.group", self._member_of),
                (r"/servicePrincipals", self._apps),
                (r"/servicePrincipals/([^/]+)", self._app),
                (r"/servicePrincipals\(appId='([^']+)'\)", self._app_by_app_id),
                (r"/servicePrincipals/([^/]+)/appRoleAssignedTo", self._assigned),
                (r"/servicePrincipals\(appId='([^']+)'\)/appRoleAssignedTo", self._assigned_by_app_id),
            )
        )

    def answer(self, asked: Asked) -> GraphAnswer:
        """Answer one request that is no batch."""
        try:
            if asked.method != "GET":
                raise GraphRefusal(405, "Request_BadRequest", "Specified HTTP method is not allowed.")
            if asked.path.endswith("/$count"):
                return self._priced(asked, self._count(asked))
            for pattern, handler in self._routes:
                if found := pattern.match(asked.path):
                    return self._priced(asked, handler(asked, *found.groups()))
            raise GraphRefusal(400, "BadRequest", "Resource not found for the segment.")
        except GraphRefusal as refused:
            return refused.answer

    def _count(self, asked: Asked) -> GraphAnswer:
        """Give the number of a list alone, as text."""
        need_advanced(asked, counted=True)
        query = "&".join(part for part in ("$count=true", asked.query_text) if part)
        listed = self.answer(replace(asked, path=asked.path.removesuffix("/$count"), query_text=query))
        if listed.status != 200:
            return listed
        return GraphAnswer(200, raw=str(listed.fields["@odata.count"]).encode(), content_type="text/plain")

    def _priced(self, asked: Asked, answer: GraphAnswer) -> GraphAnswer:
        answer.headers["x-ms-resource-unit"] = str(units(asked))
        return answer

    # --- groups

    def _groups(self, asked: Asked) -> GraphAnswer:
        self._allow(self.rights.groups)
        chosen = filtered(asked, self.tenant.groups.values(), "displayName", lambda g: g.displayName)
        return self._page(asked, [g.id for g in chosen], self._group_entry)

    def _group(self, asked: Asked, id_: str) -> GraphAnswer:
        self._allow(self.rights.groups)
        return GraphAnswer(
            200, {"@odata.context": self._context("groups/$entity")} | self._group_entry(self._found(id_), asked)
        )

    def _found(self, id_: str) -> str:
        """Give the id as the tenant spells it: Graph takes ids in any letter case."""
        if id_.lower() not in self.tenant.groups:
            raise GraphRefusal(404, "Request_ResourceNotFound", "Resource does not exist.")
        return id_.lower()

    def _group_entry(self, id_: str, asked: Asked) -> GraphEntry:
        group = self.tenant.groups[id_]
        return {name: getattr(group, name) for name in selected(asked, GROUP_FIELDS)}

    def _members(self, asked: Asked, id_: str, which: str, cast: str | None) -> GraphAnswer:
        self._allow(self.rights.groups)
        id_ = self._found(id_)
        group = self.tenant.groups[id_]
        if group.visibility == "HiddenMembership" and not self.rights.hidden_members:
            return self._page(asked, [], self._member_entry)
        members = list(group.members if which == "members" else self.tenant.transitive(id_))
        if cast:
            need_advanced(asked)
            return self._page(asked, [m for m in members if m in self.tenant.users], self._user_entry)
        # v1.0 does not list service principals: a known issue in Microsoft's documentation
        shown = [m for m in members if self.tenant.kind(m) not in ("servicePrincipal", "agentIdentity")]
        return self._page(asked, shown, self._member_entry)

    def _member_entry(self, id_: str, asked: Asked) -> GraphEntry:
        kind = self.tenant.kind(id_)
        typed: GraphEntry = {"@odata.type": f"#microsoft.graph.{kind}"}
        if id_ in self.tenant.users:
            return typed | self._user_entry(id_, asked)
        thing = self.tenant.groups[id_] if kind == "group" else self.tenant.things[id_]
        return typed | {n: getattr(thing, n) for n in selected(asked, ("id", "displayName")) if hasattr(thing, n)}

    # --- people

    def _users(self, asked: Asked) -> GraphAnswer:
        self._allow(self.rights.users)
        chosen = filtered(asked, self.tenant.users.values(), "displayName", lambda u: u.displayName or "")
        return self._page(asked, [u.id for u in chosen], self._user_entry)

    def _user(self, asked: Asked, id_: str) -> GraphAnswer:
        """Show a user, asked for by id or principal name."""
        self._allow(self.rights.users)
        named = {str(user.userPrincipalName).casefold(): user.id for user in self.tenant.users.values()}
        id_ = id_ if id_ in self.tenant.users else named.get(unquote(id_).casefold(), "")
        if not id_:
            raise GraphRefusal(404, "Request_ResourceNotFound", "Resource does not exist.")
        typed = {"@odata.type": "#microsoft.graph.agentUser"} if id_ in self.tenant.agents else {}
        return GraphAnswer(
            200, {"@odata.context": self._context("users/$entity")} | typed | self._user_entry(id_, asked)
        )

    def _user_entry(self, id_: str, asked: Asked) -> GraphEntry:
        user = self.tenant.users[id_]
        shown = LIMITED if not self.rights.users else frozenset(USER_FIELDS)
        return {name: getattr(user, name) if name in shown else None for name in selected(asked, USER_FIELDS)}

    def _member_of(self, asked: Asked, id_: str) -> GraphAnswer:
        self._allow(self.rights.groups)
        need_advanced(asked)
        found: dict[str, None] = {}
        open_ = list(self.tenant.holders(id_))
        while open_:
            group = open_.pop()
            if group not in found:
                found[group] = None
                open_ += self.tenant.holders(group)
        return self._page(asked, list(found), self._group_entry)

    # --- applications

    def _apps(self, asked: Asked) -> GraphAnswer:
        self._allow(self.rights.applications)
        chosen = filtered(asked, self.tenant.apps.values(), "appId", lambda a: a.app_id)
        return self._page(asked, [a.id for a in chosen], lambda id_, _: _app_entry(self.tenant.apps[id_]))

    def _app(self, asked: Asked, id_: str) -> GraphAnswer:  # noqa: ARG002 - handlers share one form
        self._allow(self.rights.applications)
        return GraphAnswer(200, _app_entry(self._found_app(lambda app: app.id == id_)))

    def _app_by_app_id(self, asked: Asked, app_id: str) -> GraphAnswer:
        return self._app(asked, self._found_app(lambda app: app.app_id == app_id).id)

    def _assigned(self, asked: Asked, id_: str) -> GraphAnswer:
        self._allow(self.rights.applications)
        app = self._found_app(lambda app: app.id == id_)
        numbers = [str(n) for n in range(len(app.assignments))]
        return self._page(asked, numbers, lambda n, _: self._assignment(app, int(n)), counts=False)

    def _assigned_by_app_id(self, asked: Asked, app_id: str) -> GraphAnswer:
        return self._assigned(asked, self._found_app(lambda app: app.app_id == app_id).id)

    def _found_app(self, right: Callable[[TenantApp], bool]) -> TenantApp:
        for app in self.tenant.apps.values():
            if right(app):
                return app
        raise GraphRefusal(404, "Request_ResourceNotFound", "Resource does not exist.")

    def _assignment(self, app: TenantApp, number: int) -> GraphEntry:
        principal, role = app.assignments[number]
        kind = "user" if principal in self.tenant.users else self.tenant.kind(principal)
        return {
            "id": base64.urlsafe_b64encode(f"{app.id}{principal}{role}".encode()).decode(),
            "principalId": principal,
            "principalType": kind[0].upper() + kind[1:],
            "appRoleId": role,
            "resourceId": app.id,
        }

    # --- pages

    def _page(
        self, asked: Asked, ids: Sequence[str], entry: Callable[[str, Asked], GraphEntry], *, counts: bool = True
    ) -> GraphAnswer:
        """Give one page; the skiptoken holds where the next one begins."""
        query = asked.query
        most = top(query, self.default_page)
        start = int(opened(query["$skiptoken"])["at"]) if "$skiptoken" in query else 0
        fields: GraphEntry = {"@odata.context": self._context(asked.path.strip("/"))}
        if counts and query.get("$count") == "true" and asked.headers.get("consistencylevel") == "eventual":
            fields["@odata.count"] = len(ids)
        if start + most < len(ids):
            fields["@odata.nextLink"] = self._link(asked, **{"$skiptoken": sealed(at=start + most)})
        fields["value"] = [entry(id_, asked) for id_ in ids[start : start + most]]
        return GraphAnswer(200, fields)

    def _link(self, asked: Asked, **changes: str) -> str:
        query = {k: v for k, v in asked.query.items() if k not in ("$skiptoken", "$deltatoken")} | changes
        return f"{self.base}{asked.path}?{urlencode(query, safe='$,', quote_via=quote)}"

    def _context(self, what: str) -> str:
        return f"{self.base}/$metadata#{what}"

    def _allow(self, right: bool) -> None:
        if not right:
            raise GraphRefusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    # --- deltas

    def _delta(self, asked: Asked, of: str) -> GraphAnswer:
        """Tell what changed. A token holds the part of the log it is for: (since, until), and where the page begins."""
        self._allow(self.rights.groups if of == "groups" else self.rights.users)
        if {"$top", "$expand", "$orderby", "$search"} & asked.query.keys():
            raise GraphRefusal(400, "Request_UnsupportedQuery", "Unsupported query parameter on a delta.")
        token, end = asked.query.get("$deltatoken", ""), len(self.tenant.log)
        if token == "latest":  # noqa: S105 - a word of the API
            return self._delta_page(asked, [], since=end, until=end, at=0)
        seal = asked.query.get("$skiptoken") or token
        state = opened(seal) if seal else {"since": 0, "until": end, "at": 0, "epoch": self.epoch}
        if state.get("epoch") != self.epoch:
            return self.delta_gone(of)
        since = int(state["since"])
        until = end if token else int(state["until"])
        entries = self._told(of, self.tenant.log[since:until], asked, complete=since == 0)
        return self._delta_page(asked, entries, since=since, until=until, at=int(state["at"]))

    def delta_gone(self, of: str) -> GraphAnswer:
        """Say that a delta token is too old, and where to start again."""
        refused = GraphRefusal(410, "syncStateNotFound", "The sync state generation is not found.").answer
        refused.headers["location"] = f"{self.base}/{of}/delta?$deltatoken="
        return refused

    def endless(self, asked: Asked, answer: GraphAnswer, number: int) -> None:
        """Let a list, or a round, go on at a link that was never seen before; there is nothing on the page behind it."""
        seal = sealed(since=0, until=0, at=1_000_000 + number, epoch=self.epoch)
        answer.fields.pop("@odata.deltaLink", None)
        answer.fields.setdefault("@odata.nextLink", self._link(asked, **{"$skiptoken": seal}))

    def _delta_page(self, asked: Asked, entries: list[GraphEntry], *, since: int, until: int, at: int) -> GraphAnswer:
        end = at + self.delta_page
        if end < len(entries):
            seal = sealed(since=since, until=until, at=end, epoch=self.epoch)
            link = {"@odata.nextLink": self._link(asked, **{"$skiptoken": seal})}
        else:
            seal = sealed(since=until, until=until, at=0, epoch=self.epoch)
            link = {"@odata.deltaLink": self._link(asked, **{"$deltatoken": seal})}
        of = "groups" if asked.path.startswith("/groups") else "users"
        return GraphAnswer(200, {"@odata.context": self._context(of), **link, "value": entries[at:end]})

    def replay(self, asked: Asked, answer: GraphAnswer) -> None:
        """Put everything that was ever said in front of what a delta page says."""
        of = "groups" if asked.path.startswith("/groups") else "users"
        value = answer.fields.get("value")
        assert isinstance(value, list)
        answer.fields["value"] = self._told(of, self.tenant.log, asked, complete=True) + value

    def _told(self, of: str, events: Iterable[TenantEvent], asked: Asked, *, complete: bool) -> list[GraphEntry]:
        told: dict[str, list[TenantEvent]] = {}
        for event in events:
            if event.of == of and _is_told(event, asked):
                told.setdefault(event.id, []).append(event)
        entries = [self._entry(id_, found, asked) for id_, found in told.items()]
        if complete and not self.shuffle:
            entries = [e for e in entries if "@removed" not in e]
        if self.shuffle:
            entries += self.shuffle.sample(entries, len(entries) // 2)
            self.shuffle.shuffle(entries)
        return entries

    def _entry(self, id_: str, events: Sequence[TenantEvent], asked: Asked) -> GraphEntry:
        there = self.tenant.groups if events[0].of == "groups" else self.tenant.users
        if id_ not in there:
            return {"id": id_, "@removed": {"reason": events[-1].removed or "changed"}}
        entry = (self._group_entry if events[0].of == "groups" else self._user_entry)(id_, asked)
        members = [self._member_event(e) for e in events if e.member]
        return entry | ({"members@delta": members} if members else {})

    def _member_event(self, event: TenantEvent) -> GraphEntry:
        assert event.member
        known = event.member in self.tenant.groups or event.member in self.tenant.things
        kind = self.tenant.kind(event.member) if known else "user"
        entry: GraphEntry = {"@odata.type": f"#microsoft.graph.{kind}", "id": event.member}
        return entry if event.present else entry | {"@removed": {"reason": "deleted"}}


def _is_told(event: TenantEvent, asked: Asked) -> bool:
    """Say whether a delta tells of an event: only of fields that its `$select` names."""
    wanted = asked.query.get("$select")
    return not wanted or not event.fields or not event.fields.isdisjoint(wanted.split(","))


def units(asked: Asked) -> int:
    """Give the resource units that a request costs."""
    cost = next((cost for pattern, cost in QUERY_COSTS if re.search(pattern, asked.url)), 1)
    query = asked.query
    return max(1, cost - ("$select" in query) - (int(query.get("$top", "100") or 100) < 20))


def _app_entry(app: TenantApp) -> GraphEntry:
    roles = [
        {"id": i, "value": v, "isEnabled": i not in app.disabled, "displayName": v, "allowedMemberTypes": ["User"]}
        for i, v in app.roles.items()
    ]
    return {"id": app.id, "appId": app.app_id, "appRoles": roles}
