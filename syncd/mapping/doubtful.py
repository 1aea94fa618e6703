"""What is right as the language goes and may yet be a mistake of whoever wrote it; `check` tells it.

what a mapping says                                | why it is told
---------------------------------------------------|---------------------------------------------------------------
a role that no binding gives and no role extends   | nobody has it: a binding is missing, or the role may go
a binding that gives what another one gives        | whoever takes one of them out takes nothing away
a binding that is over                             | it gives nothing any more
a group that its source, a file, has not           | nobody gets anything by it, and nobody loses what it gave
a role that administers, and no word that it is   | one word in a list makes somebody an administrator; see
meant to                                           | privileged.py
a permission on a resource that no release has,    | where it is mistyped the role waits for it for ever; plugins have
and that the configuration does not name           | resources of their own, so it is no mistake by itself
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from syncd.mapping.privileged import unmarked
from syncd.mapping.when import is_over
from syncd.model import At, Group, Naming, Note, Permission, Rule, Rules, nfc
from syncd.text.strict import Strict


def doubtful(rules: Rules, namings: Iterable[Naming], *, now: datetime) -> Iterator[Note]:
    """Say what may be a mistake, each with its place and what to write."""
    namings = tuple(namings)
    resources = frozenset[str]().union(*(naming.resources for naming in namings))
    found = {
        "unbound_role": _unbound(rules),
        "given_twice": _given_twice(rules.bindings),
        "expired_binding": (over(rule) for rule in rules.bindings if is_over(rule, now)),
        "privileged_unmarked": map(str, unmarked(rules, namings)),
        "unknown_resource": _unknown_resources(rules, resources),
    }
    yield from (Note(code, text) for code, texts in found.items() for text in texts)


def over(rule: Rule) -> str:
    """Say that a binding is over."""
    assert rule.until is not None
    return f"{rule.at}: this binding of {rule.subject} ended at {rule.until:%Y-%m-%d %H:%M} UTC; take it out"


def _unbound(rules: Rules) -> Iterator[str]:
    used = {role for rule in rules.bindings for role in rule.roles}
    used |= {other for role in (*rules.roles.values(), *rules.templates.values()) for other in role.extends}
    for name, role in {**rules.roles, **rules.templates}.items():
        if name not in used:
            of = f" of {role.owner}" if role.owner else ""
            yield f'{role.at}: no binding gives the role "{name}"{of}, so nobody has it; bind it, or take it out'


def _given_twice(bindings: Iterable[Rule]) -> Iterator[str]:
    first: dict[object, Rule] = {}
    for rule in bindings:
        for role in rule.roles:
            before = first.setdefault(
                (rule.subject, frozenset(rule.deployments), rule.since, frozenset(rule.during), role), rule
            )
            if before is not rule:
                yield f"{rule.at}: gives {role} to {rule.subject} where {before.at} does already; take it out of one of them"


def _unknown_resources(rules: Rules, known: frozenset[str]) -> Iterator[str]:
    near = Strict().near
    for permission, at in _permissions(rules) if known else ():
        if permission.dag is None and permission.resource not in known:
            whole, kind = permission.resource, permission.resource.partition(":")[0]
            hint = near(whole, known) or near(kind, known) or "; where a plugin brings it, name it in `extra_resources`"
            yield f'{at}: no release has a resource "{permission.resource}" of its own{hint}'


def translated(rules: Rules, namings: Iterable[Naming]) -> Iterator[str]:
    """Say what is written otherwise on some releases, with its place; that is no mistake."""
    words = {word: said for naming in namings for word, said in naming.translations.items()}
    for permission, at in _permissions(rules):
        if permission.resource in words:
            yield f'{at}: "{permission.resource}": {words[permission.resource]}'


def _permissions(rules: Rules) -> Iterable[tuple[Permission, At]]:
    """Give each permission that stands somewhere once, whichever roles have it by extending."""
    return dict.fromkeys(
        found for role in (*rules.roles.values(), *rules.templates.values()) for found in role.permissions
    )


def unknown_groups(bindings: Iterable[Rule], groups: Mapping[str, Iterable[Group]]) -> Iterator[tuple[Rule, str]]:
    """Give the bindings whose group is not among those of its source, with what was meant; `groups` are those of some sources."""
    near = Strict().near
    known = {source: {word for group in of for word in (group.id, nfc(group.name))} for source, of in groups.items()}
    for rule, ref in ((binding, ref) for binding in bindings for ref in binding.groups):
        if ref.source in known and (ref.id or ref.name) not in known[ref.source]:
            hint = near(ref.id or ref.name or "", known[ref.source])
            roles = ", ".join(rule.roles)
            yield rule, f"{rule.at}: there is no group {ref}, so nobody gets {roles} by it, or loses what it gave{hint}"
