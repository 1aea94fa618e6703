"""The company that the example mappings are of: whom its Okta and its Entra ID know, and which DAGs its three Airflows have.

`mappings` is what its teams write, and `people` what its rota of who is on call writes. `syncd demo` plays on it, and the tour of
the mapping language asks about it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncd.sandbox.airflow import DagFile, StandIn, serve_all
from syncd.sandbox.entra import EntraStandIn, Served
from syncd.sandbox.okta import OktaStandIn

WRITTEN: Final = ("mappings", "people")
"""The folders of what people and programs write there."""
DAGS: Final = (
    DagFile("fin_daily", ("finance", "daily"), ("fin-team",), bundle="finance"),
    DagFile("fin_monthly", ("finance",), ("fin-team",), bundle="finance"),
    DagFile("fin_payroll", ("finance", "pii"), ("fin-team",), bundle="finance"),
    DagFile("mkt_campaigns", ("marketing",), ("mkt-team",), bundle="marketing"),
    DagFile("mkt_newsletter", ("marketing", "pii"), ("mkt-team",), bundle="marketing"),
    DagFile("plat_backup", ("infra",), ("platform",), bundle="platform"),
    DagFile("plat_cleanup", ("infra",), ("platform",), bundle="platform"),
)
STAFF: Final[Mapping[str, tuple[str, ...]]] = {
    "Anna Schmidt": ("airflow-finance",),
    "Bernd Öztürk": ("airflow-finance", "airflow-finance-engineers"),
    "Chloe Martin": ("airflow-platform",),
    "Dina Haddad": ("airflow-marketing",),
    "Emil Novák": ("airflow-finance", "airflow-finance-interns", "airflow-marketing-readers"),
}
"""Who works there, with their groups in Okta."""
GUESTS: Final = {"Farid Rahimi": ("audit.example", "Auditors"), "Greta Lind": ("agency.example", "Agency")}
"""Who comes from outside: they log in by Okta as everybody, and are guests in Entra ID, in this group."""
_OKTA, _ENTRA, _AIRFLOW = "SYNCD_EXAMPLE_OKTA", "SYNCD_EXAMPLE_ENTRA", "SYNCD_EXAMPLE_AIRFLOW"
_SOURCES: Final = """\
[sources.okta]
type = "okta"
url = "{okta}"
auth = {{ kind = "token", token = {{ env = "{token}" }} }}
groups = {{ prefixes = ["airflow-"], names = ["Everyone"], types = ["OKTA_GROUP", "BUILT_IN"] }}
email_domains = ["example.com"]

[sources.entra]
type = "entra"
tenant = "{tenant}"
client_id = "{client}"
authority = "{authority}"
graph = "{graph}"
ca = "{ca}"
auth = {{ kind = "client_secret", secret = {{ env = "{secret}" }} }}
groups = [{{ name = "Auditors" }}, {{ name = "Agency" }}]
email_domains = ["example.com"]

[sources.people]
type = "file"
directory = "people"

[join]
precedence = ["okta", "entra"]

[defaults]
mode = "enforce"
username = "{{login}}"
login_source = "okta"
"""


@dataclass(frozen=True, slots=True)
class Airflow:
    """One deployment: what is to be known about its release, and the kinds of credentials that it wants."""

    name: str
    preset: str
    kinds: tuple[str, ...]
    says: str

    def table(self, url: str) -> str:
        """Give its table in the configuration."""
        password = f'username = "admin", password = {{ env = "{_AIRFLOW}" }}'
        auth = ", ".join(f'{{ kind = "{kind}", {password} }}' for kind in self.kinds)
        return f'\n[deployments.{self.name}]\nurl = "{url}"\nlabels = {{ env = "{self.name}" }}\nauth = [{auth}]\n'


AIRFLOWS: Final = (
    Airflow("dev", "2.11.2", ("basic",), "Airflow 2.11: its API can only add to a role"),
    Airflow("staging", "3.1.8+3.1.1", ("basic", "token"), "Airflow 3.1: its API refuses every change of a role"),
    Airflow("prod", "3.3.2", ("token",), "Airflow 3.3: its API replaces roles"),
)


class Company:
    """Its two providers, which people come to and leave."""

    def __init__(self) -> None:
        self.okta, self.entra = OktaStandIn(), EntraStandIn()
        self.environment: Final = {
            _OKTA: secrets.token_urlsafe(),
            _ENTRA: self.entra.authority.client.secret,
            _AIRFLOW: "admin",
        }
        """The variables that the configuration takes secrets from."""
        self._ids: dict[str, str] = {}
        self.okta.ssws.add(self.environment[_OKTA])
        self.okta.org.add_everyone()
        self._hire()
        self._invite()

    def leaves(self, name: str) -> None:
        """Let somebody leave: Okta deactivates them, and they stay in the groups that they are in."""
        self.okta.org.set_status(self._ids[name], "DEPROVISIONED")

    def _hire(self) -> None:
        for person in STAFF:
            self._add(person, "example.com")
        for group in dict.fromkeys(group for groups in STAFF.values() for group in groups):
            members = (self._ids[_first(person)] for person, groups in STAFF.items() if group in groups)
            self.okta.org.add_group(group, members)

    def _invite(self) -> None:
        for person, (domain, group) in GUESTS.items():
            self._add(person, domain)
            guest = self.entra.tenant.add_guest(person.lower().replace(" ", "."), f"{_first(person)}@{domain}")
            self.entra.tenant.add_group(group, [guest])

    def _add(self, person: str, domain: str) -> None:
        given, _, family = person.partition(" ")
        login = f"{_first(person)}@{domain}"
        self._ids[_first(person)] = self.okta.org.add_user(login, firstName=given, lastName=family)

    def tables(self, okta: str, entra: Served) -> str:
        """Give the tables of the configuration that find both providers and the rota."""
        return _SOURCES.format(
            okta=okta,
            token=_OKTA,
            tenant=self.entra.authority.tenant,
            client=self.entra.authority.client.id,
            authority=entra.authority,
            graph=entra.graph,
            ca=entra.ca,
            secret=_ENTRA,
        )


def _first(person: str) -> str:
    return person.partition(" ")[0].lower()


@contextmanager
def company_in(folder: Path) -> Iterator[Company]:
    """Serve both providers as long as the context lasts; a folder gets what is written there, and a configuration of it.

    The deployments are still to be added to it.
    """
    company = Company()
    with ExitStack() as stack:
        okta, entra = stack.enter_context(company.okta.serve()), stack.enter_context(company.entra.serve())
        for name in WRITTEN:
            shutil.copytree(Path(__file__).parent / name, folder / name)
        (folder / "config.toml").write_text(company.tables(okta, entra), encoding="utf-8")
        yield company


@contextmanager
def airflows() -> Iterator[Mapping[Airflow, str]]:
    """Serve stand-ins of its Airflows as long as the context lasts; gives each with its address."""
    with serve_all(*(StandIn(each.preset, dags=DAGS) for each in AIRFLOWS)) as urls:
        yield dict(zip(AIRFLOWS, urls, strict=True))
