"""From a person to an account: the user name by a template, and what else Airflow wants of a new account.

Measured on Airflow 2.11.2 and 3.3.2: user names are compared without regard to case, an account with a "/" in its name can
never be reached again, and Airflow 3 refuses an empty first name, last name or e-mail.
"""

from __future__ import annotations

import re
from string import Formatter

from syncd.directory.usernames import USERNAME_FIELDS
from syncd.model import Identity, User
from syncd.text.strict import did_you_mean

LONGEST_USERNAME = 512
LONGEST_NAME = 256

_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNREACHABLE = re.compile(r"[/\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def template_problem(template: str) -> str | None:
    """Say what is wrong with a template of user names and what to write; None if nothing."""
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
    if _UNREACHABLE.search("".join(literal for literal, *_ in parts)):
        return f'the template "{template}" has a character in it that Airflow cannot address; take "/" and controls out'
    return None


def username_problem(username: str) -> str | None:
    """Say why an account of this name cannot be managed; None where it can."""
    if not username:
        return "the source does not state what the template of user names asks for"
    if len(username) > LONGEST_USERNAME:
        return f"it has more than {LONGEST_USERNAME} characters"
    if username in {".", ".."} or _UNREACHABLE.search(username):
        return "Airflow's API cannot address such a name"
    return None


def email_problem(email: str) -> str | None:
    """Say why an e-mail address cannot be written as it is; None where it can, or there is none."""
    if _UNWRITABLE.search(email):
        return "it holds a control character or half a surrogate pair"
    return f"it has more than {LONGEST_USERNAME} characters" if len(email) > LONGEST_USERNAME else None


def account_of(identity: Identity, username: str, roles: frozenset[str]) -> User:
    """Describe the account that a person should have; where Airflow wants a value that the source lacks, one is made up.

    first name: the login up to its "@", or the user name. last name: "-". e-mail: one under the reserved domain
    `example.invalid`, because Airflow asks for one and wants it unique; the same where the e-mail cannot be written. What
    no database takes in a name, halves of surrogate pairs and control characters, becomes U+FFFD: Airflow answers 500 to
    such a name for ever (seen on 3.3.2).
    """
    usable = identity.email and email_problem(identity.email) is None
    first = identity.given_name.strip() or identity.login.partition("@")[0] or username
    return User(
        username,
        identity.email if usable else f"{username}@example.invalid",
        _writable(first)[:LONGEST_NAME],
        _writable(identity.family_name.strip() or "-")[:LONGEST_NAME],
        roles,
    )


def _writable(name: str) -> str:
    return _UNWRITABLE.sub("\ufffd", name)
