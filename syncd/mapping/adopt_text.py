"""What was inferred of deployments, as the text of a mapping file."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from syncd.mapping.adopt import Adopted
from syncd.mapping.keys import MOST_PEOPLE
from syncd.mapping.privileged import administering
from syncd.model import Accounts, DagSelector, Deployment, GroupRef, PersonRef, RoleDefinition, Subject
from syncd.model.labels import NAME
from syncd.text.characters import unseen

_PLAIN = re.compile(r"[A-Za-z][\w-]*( [\w-]+)*", re.ASCII)
_NO_WORDS = frozenset({"true", "false", "null"})


def mapping_text(adopted: Adopted, fleet: Iterable[Deployment], *, until: date, said: str) -> str:
    """Write a mapping file; `fleet` is every deployment there is, `until` the end of what is listed by accounts."""
    lines = [f"# {said}", *(f"# {sentence}" for sentence in _unbroken(adopted.left))]
    if adopted.roles:
        lines += ["", "roles:", *(line for role in adopted.roles.values() for line in _role(role))]
    bindings = list(_bindings(adopted, tuple(fleet), until))
    return "\n".join([*lines, "", *(["bindings:", *bindings] if bindings else ["bindings: []"]), ""])


def _unbroken(sentences: Iterable[str]) -> Iterator[str]:
    return ("".join(c if c.isprintable() else "?" for c in sentence) for sentence in sentences)


def _role(role: RoleDefinition) -> Iterator[str]:
    yield f"  {word(role.name)}:"
    if extended := (*role.extends, *(base.role for base in role.bases)):
        yield f"    extends: {_several(extended)}"
    if any(base.without_all_dags for base in role.bases):
        yield "    without: all_dags"
    if role.dags:
        yield "    dags:"
        yield from (f"      - {_entry(entry)}" for entry in role.dags)
    if role.permissions:
        yield "    permissions:"
        yield from (f"      - {word(str(permission))}" for permission, _ in role.permissions)


def _entry(entry: DagSelector) -> str:
    kinds = {"id": entry.ids, "tag": entry.tags, "owner": entry.owners, "bundle": entry.bundles, "path": entry.paths}
    chosen = next(f"{kind}: {_several(words)}" for kind, words in kinds.items() if words)
    chosen = "all: true" if entry.ids == ("*",) else chosen
    also = f", also: {_several(entry.also)}" if entry.also else ""
    return f"{{level: {entry.level}, {chosen}{also}}}"


def _bindings(adopted: Adopted, fleet: tuple[Deployment, ...], until: date) -> Iterator[str]:
    """Write one binding for each group and set of deployments, then those of people and accounts, who are listed together.

    Roles that administer have a line of their own that says that they are meant: they are there already.
    """
    administer = administering(adopted.roles.values(), [deployment.naming for deployment in fleet])
    lines: list[str] = []
    listed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for subject, roles in adopted.given.items():
        by_place: dict[tuple[frozenset[str], bool], list[str]] = defaultdict(list)
        for role, deployments in roles.items():
            by_place[frozenset(deployments), role in administer].append(role)
        for (places, is_meant), named in by_place.items():
            said = f"roles: {_listed(named)}, deployments: {_where(places, fleet)}"
            said += ", privileged: true" if is_meant else ""
            if isinstance(subject, GroupRef):
                lines.append(f"  - {{group: {_subject(subject)}, {said}}}")
            else:
                kind = "accounts" if isinstance(subject, Accounts) else "people"
                listed[kind, f"{said}, until: {until}, reason: adopted"].append(_subject(subject))
    yield from sorted(lines)
    for (kind, said), names in sorted(listed.items(), reverse=True):
        for start in range(0, len(names), MOST_PEOPLE):
            yield f"  - {{{kind}: [{', '.join(sorted(names)[start : start + MOST_PEOPLE])}], {said}}}"


def _subject(subject: Subject) -> str:
    if isinstance(subject, Accounts):
        return ", ".join(map(word, subject.names))
    assert isinstance(subject, GroupRef | PersonRef)
    if isinstance(subject, GroupRef) and subject.id == subject.name:
        return word(f"{subject.source}:{subject.name}")
    name = f", name: {word(subject.name)}" if subject.name and not unseen(subject.name) else ""
    return f"{{source: {word(subject.source)}, id: {word(subject.id or '')}{name}}}"


def _where(names: frozenset[str], fleet: tuple[Deployment, ...]) -> str:
    """Write labels that choose just these of all deployments: one label, if one does."""
    by_label: dict[tuple[str, str], set[str]] = defaultdict(set)
    for deployment in fleet:
        for pair in deployment.labels.items():
            by_label[pair].add(deployment.name)
    fitting = sorted(pair for pair, chosen in by_label.items() if chosen == names and pair[0] != NAME)
    label, values = (fitting[0][0], [fitting[0][1]]) if fitting else (NAME, sorted(names))
    return f"{{{word(label)}: {_several(values)}}}"


def _several(words: Iterable[str]) -> str:
    listed = list(words)
    return word(listed[0]) if len(listed) == 1 else _listed(listed)


def _listed(words: Iterable[str]) -> str:
    return f"[{', '.join(map(word, sorted(words)))}]"


def word(text: str) -> str:
    """Write a text as YAML takes it: in quotes, unless it is plainly a word."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _NO_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
