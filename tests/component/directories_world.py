"""A company that has people in Okta and groups in Entra ID as well: both stand-ins, a stand-in Airflow, and a command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import run
from syncd.model import key
from syncd.sandbox.airflow import StandIn, serve
from syncd.sandbox.entra import EntraStandIn, Served
from syncd.sandbox.okta import OktaStandIn

TOKEN = "00planted-api-token"
MAPPING = """
roles:
  analyst: {dags: [{level: view, id: "*"}]}
  finance: {dags: [{level: trigger, id: "*"}]}
bindings:
  - {group: okta:airflow-analysts, roles: [analyst], deployments: all}
  - {group: entra:Finance, roles: [finance], deployments: all}
"""


class Company:
    """Anna and bob are in both directories. Okta is what Airflow logs in with; everybody is in its group `airflow-all`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.okta, self.entra, self.airflow = OktaStandIn(), EntraStandIn(), StandIn("3.3.2")
        self.okta.ssws.add(TOKEN)
        org, tenant = self.okta.org, self.entra.tenant
        org.clock.move(-3600)
        self.okta_ids = {
            n: org.add_user(f"{n}@corp.example", email=f"{n.title()}@corp.example") for n in ("anna", "bob")
        }
        self.entra_ids = {n: tenant.add_user(f"{n}.x", mail=f"{n}@corp.example") for n in ("anna", "bob")}
        self.everybody = org.add_group("airflow-all", self.okta_ids.values())
        self.analysts = org.add_group("airflow-analysts", [self.okta_ids["anna"]])
        self.finance = tenant.add_group("Finance", [self.entra_ids["anna"]])
        org.clock.move(3600)

    def hire(self, name: str) -> None:
        """Let somebody in: an account in both directories."""
        self.okta_ids[name] = self.okta.org.add_user(f"{name}@corp.example")
        self.okta.org.join(self.everybody, self.okta_ids[name])
        self.entra_ids[name] = self.entra.tenant.add_user(f"{name}.x", mail=f"{name}@corp.example")

    def write(self, okta: str, where: Served, airflow: str, *, extra: str = "") -> None:
        (self.folder / "mappings").mkdir(exist_ok=True)
        (self.folder / "mappings" / "all.yaml").write_text(MAPPING, encoding="utf-8")
        (self.folder / "config.toml").write_text(
            f"""
[limits]
removals = 1000
share = 1.0
{extra}
[sources.okta]
type = "okta"
url = "{okta}"
auth = {{ kind = "token", token = {{ env = "SYNCD_TEST_OKTA" }} }}
groups = {{ prefixes = ["airflow-"] }}
email_domains = ["corp.example"]
attempts = 2

[sources.entra]
type = "entra"
client_id = "{self.entra.authority.client.id}"
tenant = "{self.entra.authority.tenant}"
authority = "{where.authority}"
graph = "{where.graph}"
auth = {{ kind = "client_secret", secret = {{ env = "SYNCD_TEST_ENTRA" }} }}
groups = {{ all = true }}
email_domains = ["corp.example"]
ca = "{where.ca}"
attempts = 2
first_wait_s = 0.01
settle_s = 0.01

[deployments.prod]
url = "{airflow}"
mode = "enforce"
username = "okta_{{id}}"
login_source = "okta"
auth = {{ kind = "token", username = "admin", password = {{ env = "SYNCD_TEST_AIRFLOW" }} }}
""",
            encoding="utf-8",
        )

    def types(self, *words: str) -> tuple[int, str, str]:
        code = run(["--config", str(self.folder / "config.toml"), "--quiet", *words])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert TOKEN not in out + err
        return code, out, err

    def applies(self, *words: str) -> str:
        code, out, err = self.types("apply", *words)
        assert 0 == code, out + err
        return out

    def plans(self) -> dict[str, Any]:
        code, out, err = self.types("plan", "-o", "json")
        assert 0 == code, out + err
        plan: dict[str, Any] = json.loads(out)
        return plan

    def roles(self, name: str) -> set[str]:
        """Give what somebody holds on Airflow, by the account that Okta's login finds."""
        account = self.airflow.state.users.get(key(f"okta_{self.okta_ids[name]}"))
        return set(account.roles) if account else set()


@contextmanager
def company(folder: Path, capsys: pytest.CaptureFixture[str], *, extra: str = "") -> Iterator[Company]:
    found = Company(folder, capsys)
    with found.okta.serve() as okta, found.entra.serve() as where, serve(found.airflow) as airflow:
        found.write(okta, where, airflow, extra=extra)
        yield found
