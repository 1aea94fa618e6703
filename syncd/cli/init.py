"""`syncd init`: write files to start from."""

from __future__ import annotations

from pathlib import Path

import typer

from syncd.cli.invocation import invocation
from syncd.cli.output import show_text
from syncd.cli.schema_files import SchemaOf, schema_file, schema_text

CONFIG = """\
#:schema schemas/config.json
# Configuration of syncd. Every key: docs/configuration.md. Check this file with `syncd check`.

[database]
url = "sqlite:///syncd.db"  # as seen from this file's folder; several hosts share a postgresql+psycopg:// one

[mappings]
directory = "mappings"      # who gets what: every *.yaml in it

# Where people and groups come from. The name (here: people) is what mapping files call it by.
[sources.people]
type = "file"
directory = "people"

# What every deployment has that does not say otherwise.
[defaults]
mode = "observe"            # plan only; "enforce" lets `syncd apply` change things
username = "{login}"        # how accounts are named: okta_{id} for Okta and {id} for Entra, as Airflow is delivered

[deployments.dev]
url = "http://localhost:8080"
labels = { env = "dev" }
# Airflow 2: kind = "basic". Airflow 3: kind = "token". A secret is never written here, only where it is:
# { env = "NAME" }, { file = "path" }, { credential = "name" } or { command = ["program", "argument"] }
auth = { kind = "token", username = "syncd", password = { env = "SYNCD_DEV_PASSWORD" } }
"""

MAPPING = """\
# yaml-language-server: $schema=../schemas/mapping.json
# Who gets what. Every key: docs/mapping.md. Any number of files like this one count as one.

roles:
  analyst:
    description: Sees every DAG that is tagged "reporting"
    dags:
      - level: view               # view, trigger, edit or own; each includes those before it
        tag: reporting

bindings:
  - group: people:analysts        # source:group
    roles: [analyst]
    deployments: { env: dev }     # by labels; or the word all
"""

PEOPLE = """\
# People and groups for a first look, or where there is no identity provider.

people:
  - login: anna.schmidt
    email: anna.schmidt@example.com
    given_name: Anna
    family_name: Schmidt

groups:
  - name: analysts
    members: [anna.schmidt]
"""

NEXT = """\
Next:
  1. put your deployments into {config}
  2. syncd check     reads the files and asks nobody
  3. syncd status    looks at each deployment
  4. syncd plan      shows what would change; nothing is written to a deployment in mode "observe"
  5. set mode = "enforce" and run syncd apply"""


def init(context: typer.Context) -> int:
    """Write a commented configuration, a first mapping and a first list of people, and schemas of such files for editors."""
    from syncd.errors import ConfigInvalid, Problem

    config = invocation(context).config
    folder = config.parent
    texts = {
        config: CONFIG,
        folder / "mappings" / "access.yaml": MAPPING,
        folder / "people" / "people.yaml": PEOPLE,
        **{schema_file(config, of): schema_text(of) for of in SchemaOf},
    }
    there = [path for path in texts if path.exists()]
    if there:
        raise ConfigInvalid(Problem(str(path), 0, 0, "is there already; nothing was written") for path in there)
    for path, text in texts.items():
        _write(path, text)
    show_text("\n".join(f"wrote {path}" for path in texts) + "\n\n" + NEXT.format(config=config))
    return 0


def _write(path: Path, text: str) -> None:
    from syncd.errors import ConfigInvalid, Problem

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigInvalid([Problem(str(path), 0, 0, f"cannot be written: {error.strerror}")]) from error
