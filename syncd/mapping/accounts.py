"""Templates of user names, as the configuration has them."""

from __future__ import annotations

from string import Formatter

from syncd.directory.usernames import USERNAME_FIELDS
from syncd.model import Naming
from syncd.text.strict import did_you_mean


def template_problem(template: str, naming: Naming) -> str:
    """Say what is wrong with a template of user names and what to write; empty where nothing is."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        return f'the template "{template}" cannot be read ({error}); write for example "{{login}}"'
    fields = [field for _, field, _, _ in parts if field is not None]
    for _, field, spec, conversion in parts:
        if field is not None and (field not in USERNAME_FIELDS or spec or conversion):
            hint = did_you_mean(field, USERNAME_FIELDS) or "; write {id}, {login} or {email}"
            return f'the template "{template}" has an unknown field "{field}"{hint}'
    if not fields:
        return f'the template "{template}" gives everybody the same name; put {{id}}, {{login}} or {{email}} in it'
    if problem := naming.literal_problem("".join(literal for literal, *_ in parts)):
        return f'the template "{template}" has {problem}'
    return ""
