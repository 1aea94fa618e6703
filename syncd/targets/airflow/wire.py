"""Calls to one server: where each area of the API lives, and which credential it wants.

What is asked for in the query, and which release knows it (connexion answers 400 to what it does not know, FastAPI ignores
it, so whatever changes the meaning of an answer is only sent where it is known):

    parameter           | sent to        | known by                    | what another release makes of it
    --------------------|----------------|-----------------------------|-----------------------------------------------------
    limit, offset       | every listing  | all                         | -
    order_by=dag_id     | DAGs           | all (run: 2.7 to 3.4)       | -
    only_active=false   | DAGs of 2.x    | 2.x (run: 2.7 to 2.11)      | 3.x ignores it and would leave stale DAGs out
    exclude_stale=false | DAGs of 3.x    | 3.0.0 and later (PR #49018) | 2.x: 400
    fields              | DAGs of 2.x    | 2.10.3 and later            | before 2.9: 400; 2.9.0 to 2.10.2: 200 without
                        |                |                             | `total_entries`; then it is asked without it
    update_mask=roles   | PATCH of users | all                         | -
    update_mask=name,   | PATCH of roles | all; an answer of 200 does  | -
      or =actions       |                | not say that it was done    |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from syncd.errors import EXIT_NO_ANSWER, TargetUnauthorized, TargetUnavailable
from syncd.http.answer import Answer
from syncd.http.secrets import SecretUnreadable, remember
from syncd.http.session import NoAnswer, NotAsked, Session
from syncd.targets.airflow.auth import Basic, Login, distrusted, login
from syncd.targets.airflow.naming import unreachable
from syncd.targets.airflow.reading import PAGE, Page, Row, page, read_all, uncounted
from syncd.targets.airflow.settings import AirflowSettings

BACKEND_2: Final = "AIRFLOW__API__AUTH_BACKENDS=airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session"
BACKEND_3: Final = "AIRFLOW__FAB__AUTH_BACKENDS=airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"
Query = Sequence[tuple[str, str]]
_NAMED: Final = re.compile(r"(?:/auth/fab/v1|/api/v[12])(/(?:roles|users|dags))(/.+)?")


class Area(StrEnum):
    """A part of the API with a credential of its own: on some releases they differ."""

    ROLES = "roles"
    USERS = "users"
    DAGS = "dags"


KEY: Final = {Area.ROLES: "name", Area.USERS: "username", Area.DAGS: "dag_id"}
RIGHT: Final = {Area.ROLES: "can_read on Roles", Area.USERS: "can_read on Users", Area.DAGS: "can_read on DAGs"}


class Wire:
    """Sends calls and remembers which credential each area took."""

    def __init__(self, settings: AirflowSettings, session: Session, *, now: Callable[[], float]) -> None:
        self.session = session
        self._dags_folder = settings.dags_folder
        self.logins: tuple[Login, ...] = tuple(login(c, session, now=now) for c in settings.credentials)
        self.chosen: dict[Area, Login] = {}
        self.generation = 0
        self.connexion: frozenset[Area] = frozenset()
        """Areas that Airflow 3 still serves the way of Airflow 2: basic authentication, every name of a user required."""
        self._first: dict[Area, Page] = {}
        self._whole: dict[Area, tuple[Row, ...]] = {}
        self.trims = True
        """Whether DAGs are asked for in short. Where a release cannot do that, the listing is asked for as it is."""
        self._proven = False

    def forget(self) -> None:
        """Drop what was read; logins, and which area takes which, are kept."""
        self._first.clear()
        self._whole.clear()
        self._proven = False

    # --- paths --------------------------------------------------------------------------------------------------------

    def path(self, area: Area, name: str | None = None) -> str:
        """Give the path of an area's listing, or of one thing in it.

        Raises:
            TargetUnavailable: the name would lead elsewhere.
        """
        if name is not None and (why := unreachable(name)):
            raise TargetUnavailable(why)
        # On Airflow 2 /auth/fab/v1 does the same and leaves a row in the session table for each call.
        prefix = "/api/v1" if self.generation == 2 else "/api/v2" if area is Area.DAGS else "/auth/fab/v1"
        return f"{prefix}/{area}" + (f"/{quote(name, safe='')}" if name is not None else "")

    # --- calls --------------------------------------------------------------------------------------------------------

    def anonymous(self, path: str) -> Answer:
        """Read without a credential."""
        try:
            return self.session.send("GET", path)
        except NoAnswer as e:
            raise TargetUnavailable(str(e)) from e
        except SecretUnreadable as e:
            raise TargetUnauthorized(str(e)) from e

    def ask(self, who: Login, path: str, query: Query = ()) -> Answer:
        """Read as somebody.

        Raises:
            TargetUnavailable: no answer came.
        """
        if isinstance(who, Basic) and who.lost_cookie:
            who.lost_cookie = False
            take_cookie(self, who)
        try:
            return self._send(who, "GET", path, query=query)
        except NoAnswer as e:
            raise TargetUnavailable(str(e)) from e

    def get(self, area: Area, name: str) -> Answer:
        """Read one thing with the credential of its area.

        Raises:
            TargetUnavailable: no answer came, or the name cannot be asked for.
        """
        return self.ask(self.chosen[area], self.path(area, name))

    def write(
        self,
        area: Area,
        method: str,
        name: str | None,
        *,
        mask: str = "",
        body: object = None,
        timeout_s: float | None = None,
        ready: Callable[[], None] | None = None,
    ) -> Answer:
        """Send one writing call. `ready` is called before each try of it, as the last thing before it goes out.

        Raises:
            NoAnswer: nobody knows whether it was done.
            TargetUnavailable: it was not even sent.
        """
        self._first.clear()  # pages that were kept for a listing are out of date now
        self._whole.clear()
        query = [("update_mask", mask)] if mask else []
        path, who = self.path(area, name), self.chosen[area]
        return self._send(who, method, path, query=query, body=body, timeout_s=timeout_s, ready=ready)

    def _send(
        self,
        who: Login,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: object = None,
        timeout_s: float | None = None,
        ready: Callable[[], None] | None = None,
    ) -> Answer:
        def once() -> Answer:
            headers = _headers(who)
            try:
                return self.session.send(
                    method,
                    path,
                    query=query,
                    body=body,
                    headers=headers,
                    timeout_s=timeout_s,
                    what=template(path),
                    ready=ready,
                )
            except NotAsked as e:
                raise TargetUnavailable(str(e)) from e
            except SecretUnreadable as e:
                raise TargetUnauthorized(f"a secret cannot be read: {e}") from e

        answer = once()
        try:
            renewed = who.renewed(answer)
        except (NoAnswer, SecretUnreadable) as e:
            raise TargetUnavailable(f"{answer.asked}: the credential is out of date, and: {e}") from e
        if renewed:
            answer = once()
            who.judged(answer)
        return answer

    # --- listings -----------------------------------------------------------------------------------------------------

    def first(self, area: Area) -> Page:
        """Read the first page of an area; whichever credential gets it is the area's own from then on.

        The page is kept for the reading of the whole that follows.

        Raises:
            Refused: no configured credential got it.
        """
        tried: list[tuple[Login, Answer]] = []
        for who in self._order(area):
            answer = self._ask_page(who, area, 0)
            if found := page(answer, area):
                self.chosen[area] = who
                self._first[area] = found
                self._proven |= area is not Area.DAGS
                return found
            tried.append((who, answer))
        raise Refused(area, tried, self._hint(area, tried))

    def prove(self) -> None:
        """Make sure that the server takes us for who we are, before DAGs are listed on Airflow 2.

        There a cookie or password that is over makes us nobody, and where the public role may see some DAGs, nobody gets a
        list of these with 200. Roles are for us alone. The page is kept, so a pass that reads the roles next pays nothing.
        """
        if self.generation == 2 and not self._proven:
            self.first(Area.ROLES)

    def peek(self, area: Area) -> tuple[Row, ...]:
        """Give the rows of the first page where it was read and not used yet."""
        return self._first[area].rows if area in self._first else ()

    def all(self, area: Area, *, keep: bool = False) -> tuple[Row, ...]:
        """Read an area whole; with `keep` the next call gives the same without asking."""
        rows = self._whole.pop(area, None)
        if rows is None:
            first = self._first.pop(area, None) or self.first(area)
            self._first.pop(area, None)
            what = f"{area} of {self.session.connection.root}"
            rows = read_all(lambda offset: self._page(area, offset), KEY[area], what=what, first=first)
        if keep:
            self._whole[area] = rows
        return rows

    def _page(self, area: Area, offset: int) -> Page:
        answer = self._ask_page(self.chosen[area], area, offset)
        found = page(answer, area)
        if found is None:
            raise TargetUnavailable(f"{answer.asked}: a page of {area} was wanted, {answer} came")
        return found

    def _ask_page(self, who: Login, area: Area, offset: int) -> Answer:
        numbers = [("limit", str(PAGE)), ("offset", str(offset))]
        answer = self.ask(who, self.path(area), [*self._query(area), *numbers])
        if area is Area.DAGS and self.generation == 2 and self.trims and (answer.status == 400 or uncounted(answer)):
            self.trims = False
            return self._ask_page(who, area, offset)
        return answer

    def _query(self, area: Area) -> Query:
        """Ask for every DAG, those whose file is gone too: roles keep their grants on them."""
        if area is not Area.DAGS:
            return ()
        if self.generation >= 3:
            return [("exclude_stale", "false"), ("order_by", "dag_id")]
        fields = ("dag_id", "tags", "owners", *(("fileloc",) if self._dags_folder else ()))
        trimmed = [("fields", field) for field in fields] if self.trims else []
        return [("only_active", "false"), ("order_by", "dag_id"), *trimmed]

    def _order(self, area: Area) -> tuple[Login, ...]:
        """Say in which order credentials are tried: the one that worked, then as this release is known to want it."""
        if self.generation == 2:
            kinds = ["basic", "bearer"]
        elif area in self.connexion:
            kinds = ["basic", "bearer", "token"]
        else:
            kinds = ["token", "bearer"]
        ordered = [who for kind in kinds for who in self.logins if who.kind == kind]
        chosen = self.chosen.get(area)
        return tuple(dict.fromkeys([*([chosen] if chosen in ordered else []), *ordered]))

    def _hint(self, area: Area, tried: Sequence[tuple[Login, Answer]]) -> str:
        kinds = {who.kind for who in self.logins}
        if any(answer.status >= 500 for _, answer in tried):
            always = "; FAB providers 3.2.0 and 3.3.0 fail so at every reading of users" if area is Area.USERS else ""
            return f"the server, or a proxy before it, is broken: look at its log, and try again{always}"
        if tried and uncounted(tried[-1][1]):
            return "Airflow answers there without saying how many there are in all, so nobody can tell whether that is everything"
        if tried and tried[-1][1].status == 200:
            return (
                "something other than Airflow's API answers there: look at the URL, its path included, and at proxies"
            )
        if why := next(filter(None, (distrusted(who.kind, answer) for who, answer in tried)), ""):
            return why
        if self.generation == 2:
            if "basic" not in kinds and not tried:
                return 'Airflow 2 wants a credential of kind "basic"'
            return (
                f"Airflow 2 says the same to a wrong password, a missing right and a backend that is off: look at user name and "
                f"password, at {RIGHT[area]}, and whether the server has {BACKEND_2}"
            )
        if area in self.connexion:
            add = "" if "basic" in kinds else ", and none is configured"
            return f'this release takes only a credential of kind "basic" for {area}, which needs {BACKEND_3} on the server{add}'
        if not kinds & {"token", "bearer"}:
            return f'{area} of Airflow 3 want a credential of kind "token"'
        return f"look at user name and password, and whether the account has {RIGHT[area]}"


class Refused(TargetUnauthorized):
    """No credential got a listing."""

    def __init__(self, area: Area, tried: Sequence[tuple[Login, Answer]], hint: str) -> None:
        self.answers = tuple(answer for _, answer in tried)
        said = "; ".join(
            f"{answer.asked} with {who.kind} as {who.username or 'bearer'} gave {answer}" for who, answer in tried
        )
        if any(answer.status >= 500 for answer in self.answers):
            self.exit_code = EXIT_NO_ANSWER  # it is the server that is broken, and it may come back
        super().__init__(f"{area} cannot be read: {said or 'no configured credential is of a kind it takes'}; {hint}")


def _headers(who: Login) -> dict[str, str]:
    try:
        return who.headers()
    except NoAnswer as e:
        raise TargetUnavailable(str(e)) from e
    except SecretUnreadable as e:
        raise TargetUnauthorized(f"a secret cannot be read: {e}") from e


def template(path: str) -> str:
    """Say what a path asks for, without the name in it: `/users/{}`."""
    m = _NAMED.fullmatch(path)
    return path if m is None else m[1] + ("/{}" if m[2] else "")


def take_cookie(wire: Wire, who: Basic) -> None:
    """Ask Airflow 2 for a session cookie, which spares the hashing of the password in every later call.

    Where the `session` backend is not on, the first use of the cookie is refused and the password is used again.
    """
    answer = wire.ask(who, "/auth/fab/v1/roles", [("limit", "1")])
    if page(answer, Area.ROLES) and "session" in answer.cookies:
        who.cookie = answer.cookies["session"]
        remember(who.cookie)
