"""What a name has to be so that Airflow can take it, and find it again afterwards.

Measured on Airflow 2.11.2 and 3.3.2: the role API makes roles whose path it can never reach again, and PostgreSQL answers
500 to names that are too long for its column.
"""

from __future__ import annotations

import re

from syncd.model import BUILT_IN_ROLES
from syncd.text.strict import has_control

ACTIONS = ("can_create", "can_delete", "can_edit", "can_read", "menu_access")
"""Every action that Airflow's permissions know."""

LONGEST_ROLE = 64
LONGEST_RESOURCE = 250
LONGEST_GLOB = 1000
LONGEST_DAG_ID = LONGEST_RESOURCE - len("DAG Run:")

_BUILT_IN = {name.casefold(): name for name in BUILT_IN_ROLES}


def role_name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a role that a mapping file wants to define, and what to write; None if nothing."""
    built_in = _BUILT_IN.get(name.casefold())
    if built_in == name:
        return f'"{name}" is built into Airflow and cannot be defined; bind it as it is, or choose another name'
    if built_in:
        return f'"{name}" differs from the built-in role "{built_in}" only in case; choose another name'
    if has_control(name):
        return "a role name cannot have control characters or line breaks in it; take them out"
    if name != name.strip():
        return f'the role name "{name}" begins or ends with a blank; take it out'
    if found := re.search("[/<>]", name):
        return f'the role name "{name}" has a "{found[0]}" in it, and Airflow could not find the role again; write "-" instead'
    if name in {"", ".", ".."}:
        return f'"{name}" cannot be the name of a role, because Airflow could not find it again; choose another name'
    if len(name) > LONGEST_ROLE:
        return f"a role name has {LONGEST_ROLE} characters at most and this one has {len(name)}; choose a shorter one"
    if re.search(r"~[0-9]+$|~old", name):
        return f'the role name "{name}" ends like the second roles that syncd makes for itself; take the "~" out'
    return None


def glob_problem(glob: str) -> str | None:
    """Say what is wrong with a glob and what to write; None if nothing."""
    if len(glob) > LONGEST_GLOB:
        return f"a glob has {LONGEST_GLOB:,} characters at most and this one has {len(glob):,}; write several"
    rest = glob
    while "[" in rest:
        inside = re.match(r"\[!?+(\]?+[^]]*)\]", rest[rest.index("[") :])
        if not inside:
            return (
                f'the "[" in "{glob}" is never closed; write "]" after the characters, or "[[]" for the bracket itself'
            )
        for low, high in re.findall(r"(.)-(.)", inside[1]):
            if low > high:
                return f'the range {low}-{high} in "{glob}" is empty; write it from the lower to the higher character'
        rest = rest[rest.index("[") + len(inside[0]) :]
    return None
