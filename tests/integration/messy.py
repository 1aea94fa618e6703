"""An Airflow as people leave it who worked by hand for years: roles, accounts and permissions that no mapping file ever said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from site_fleet import Fleet
from sites import Hands, KeptSite, RealSite, Site, sample, write

from syncd.mapping.adopt_text import word
from syncd.targets.airflow.naming import permission

BASELINE = ("can_read on Website", "menu_access on DAGs", "can_read on DAG Runs", "can_read on Task Instances")
READS = ("can_read on Task Logs", "can_read on DAG Code", "can_read on XComs", "can_read on DAG Warnings")


def baseline(site: Site) -> tuple[str, ...]:
    """Give what whoever looks at a DAG needs beside the DAG, as an administrator finds it out."""
    newer = ("can_read on DAG Versions", "can_read on DAG Dependencies") if site.generation == 3 else ()
    from_3_1 = ("can_read on HITL Detail",) if site.generation == 3 and not site.name.startswith("3.0") else ()
    return (*BASELINE, *READS, *newer, *from_3_1)


CODE = '''\
"""Airflow DAG that does nothing."""

from datetime import datetime

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:
    from airflow import DAG
    from airflow.models import BaseOperator

with DAG("{dag}", schedule=None, start_date=datetime(2024, 1, 1), tags=["{tag}"]{control}):
    BaseOperator(task_id="only")
'''
CODE_LINE = 11
EDITS = "can_edit on DAG"


@dataclass
class Mess:
    """What was made by hand on one site, and in the code of one DAG; `tag` keeps it apart from what others made there."""

    site: KeptSite
    fleet: Fleet
    tag: str

    @cached_property
    def hands(self) -> Hands:
        return Hands(self.site)

    def name(self, word: str) -> str:
        return f"{word} {self.tag}"

    def login(self, word: str) -> str:
        return f"{word}{self.tag}"

    @property
    def gone(self) -> str:
        return f"gone_{self.tag}"

    @property
    def coded(self) -> str:
        """The DAG whose code gives roles something."""
        return f"coded_{self.tag}"

    @property
    def dags_folder(self) -> Path:
        return self.site.server.dags_folder if isinstance(self.site, RealSite) else self.fleet.folder / "dags"

    def code(self, *, sets: bool, tag: str) -> None:
        """Write the file of that DAG, which the server parses with the next."""
        control = {self.name("coders"): frozenset({"can_read", "can_edit"}), "Viewer": frozenset({"can_edit"})}
        said = f", access_control={ {role: sorted(actions) for role, actions in control.items()}!r}" if sets else ""
        write(self.dags_folder, f"{self.coded}.py", CODE.format(dag=self.coded, tag=tag, control=said))
        if not isinstance(self.site, RealSite):
            self.site.parse(sample(self.coded, tags=[tag], access_control=control if sets else None))

    def roles(self) -> Mapping[str, tuple[str, ...]]:
        view = baseline(self.site)
        return {
            "analysts": (*view, *_on_finance()),
            "Zürich: «Team» ü": (*view, "can_read on DAG:plat.dotted-name_1", "can_edit on DAG:plat.dotted-name_1"),
            "#deleters, of runs": (*self._triggers(view, "fin_daily"), "can_delete on DAG Run:fin_daily"),
            "only raw": ("can_create on Variables", "menu_access on Admin", "can_delete on DAG:plat_cleanup"),
            "of a DAG that went": ("can_read on Website", f"can_read on DAG:{self.gone}"),
            "hollow": ("can_read on Website",),
            "senior analysts": (*view, *_on_finance(), "can_create on Pools"),
            "a copy of Viewer": (*self.hands.role("Viewer"), "can_read on Variables"),
            "coders": view,
            "nobody holds it": (*view, "can_read on DAG:fin_daily"),
            "a/slash": ("can_read on Website", "can_read on Pools"),
        }

    def _triggers(self, view: tuple[str, ...], dag: str) -> tuple[str, ...]:
        runs = f"can_create on DAG Run:{dag}" if self.site.dag_run_resources else "can_create on DAG Runs"
        return (*view, f"can_read on DAG:{dag}", f"can_edit on DAG:{dag}", runs)

    def accounts(self) -> Mapping[str, tuple[str, ...]]:
        """Who has an account, and what they hold: names of Airflow's own roles, and of those above."""
        return {
            "anna": ("analysts", "Viewer"),
            "Björn Ünal": ("analysts", "Zürich: «Team» ü", "User"),
            "cara": ("#deleters, of runs", "analysts"),
            "nobody's": ("only raw", "of a DAG that went", "hollow"),
            "svc bot": ("Op", "a/slash"),
            "left": ("Viewer",),
            "copycat": ("a copy of Viewer", "senior analysts"),
            "dora": ("coders",),
            "empty": (),
        }

    def make(self) -> None:
        """Work by hand, as an administrator does."""
        for name, permissions in self.roles().items():
            there = [p for p in permissions if self.site.dag_run_resources or " on DAG Run:" not in p]
            made = self.hands.make_role(self.name(name), [p for p in there if not p.endswith(self.gone)])
            assert 200 == made.status_code, made.text
        self.code(sets=True, tag="coded")
        self.site.parse(sample(self.gone))
        self.site.grant_by_hand(self.name("of a DAG that went"), permission("can_read", f"DAG:{self.gone}"))
        self.site.forget(self.gone)
        own = self.roles().keys()
        for login, roles in self.accounts().items():
            names = [self.name(role) if role in own else role for role in roles]
            self._add(self.login(login), names)

    def _add(self, username: str, roles: list[str]) -> None:
        about = {
            "username": username,
            "email": f"{abs(hash(username))}@example.com",
            "first_name": "F",
            "last_name": "L",
        }
        body = {**about, "password": "x", "roles": [{"name": name} for name in roles or ["Viewer"]]}
        made = self.hands.call("POST", "users", json=body)
        assert 200 == made.status_code, made.text
        if not roles:
            self.hands.set_roles(username, [])

    def know(self) -> None:
        """Write what the directory says: two groups, one of which fits; some whom no group has; and one who left."""
        for who in ("anna", "Björn Ünal", "cara", "left", "idle", "copycat", "dora"):
            self.fleet.add_person(self.login(who))
        self.fleet.people[self.login("left")]["active"] = False  # type: ignore[assignment]
        self.fleet.groups = {
            "everybody": [self.login(w) for w in ("anna", "Björn Ünal", "cara", "idle")],
            "analysts": [self.login(w) for w in ("anna", "Björn Ünal", "cara")],
        }

    def seen(self) -> str:
        """Everything that the server has, as text to compare."""
        return json.dumps([self._all("roles"), self._all("users")], sort_keys=True, indent=1, ensure_ascii=False)

    def _all(self, area: str) -> list[Any]:
        rows: list[Any] = []
        while True:
            page = self.hands.call("GET", area, params={"limit": 100, "offset": len(rows)}).json()[area]
            if not page:
                return sorted(({k: v for k, v in row.items() if k not in _PASSING} for row in rows), key=json.dumps)
            rows += page


def _on_finance() -> tuple[str, ...]:
    return "can_read on DAG:fin_daily", "can_read on DAG:fin_monthly", "can_read on Pools"


_PASSING = frozenset({"last_login", "login_count", "changed_on", "fail_login_count"})


def expected(mess: Mess) -> tuple[str, ...]:
    """Give what has to stand in a file that is adopted, whatever the release."""
    of_runs = ", also: delete_runs" if mess.site.dag_run_resources else ""
    entries = {
        "#deleters, of runs": f"level: trigger, id: fin_daily{of_runs}",
        "Zürich: «Team» ü": 'level: view, id: "plat.dotted-name_1", also: can_edit on DAG',
        "analysts": "level: view, tag: finance",
    }
    words = {name: word(mess.name(name)) for name in mess.roles()}
    return (
        *(f"  {words[name]}:\n    dags:\n      - {{{entry}}}\n" for name, entry in entries.items()),
        f"  {words['a copy of Viewer']}:\n    extends: Viewer\n    permissions:\n",
        f"  {words['senior analysts']}:\n    extends: {words['analysts']}\n    permissions:\n      - can_create on Pools\n",
        f"  {words['hollow']}:\n    permissions:\n      - can_read on Website\n",
        f"  {words['coders']}:\n    dags:\n      - {{level: view, id: {mess.coded}, also: {EDITS}}}\n",
        f"{mess.coded}.py:{CODE_LINE}: {mess.coded}: Viewer: edit; {mess.name('coders')}: edit, read\n",
        "#     site: Viewer: it is built in, and no line changes it",
        f"# site: {mess.name('of a DAG that went')} also has can_read on DAG:{mess.gone} on DAGs that are not there",
        f"# site: {mess.login('left')} holds Viewer by no line, and it is left as it is; they are inactive in people\n",
        f"# site: nobody holds {mess.name('nobody holds it')}",
        f'  - {{group: "people:analysts", roles: [{words["analysts"]}], deployments: {{env: test}}}}\n',
    )
