"""What the code of DAGs gives by itself, beside what was adopted: where it stands, whether the new lines give the same, and in
which order it can be taken out so that nobody loses anything.

what code gives a role on a DAG              | then
---------------------------------------------|----------------------------------------------------------------------------
the role has it, and was adopted             | the lines of the role give the same
the role has it, and was not adopted         | the role keeps it: that code is gone takes nothing; no line says it
the role does not have it (yet)              | told: it gets it when the file is parsed, so adopt again after that
the role is one of the target's own          | it keeps it, which no line can say: told
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.mapping.adopt import Adopted
from syncd.mapping.adopt_dags import LiveDeployment
from syncd.mapping.diagnostics import some
from syncd.model import InCode, Loss, Permission

PAGE = "docs/migrate-access-control.md"
_STEPS = (
    "1. put this file among the mapping files; `syncd plan` says that nothing changes; `syncd apply` makes these roles syncd's",
    "2. take access_control out of the files below, whole: with an empty one ({}) every role loses that DAG",
    "3. once they were parsed, `syncd plan` still says that nothing changes: from now on these lines say who may do what",
)


def told(codes: Iterable[InCode], lives: Iterable[LiveDeployment], found: Adopted) -> list[str]:
    """Write, in sentences, what a person has to know who takes it out of the code."""
    codes, lives = sorted(codes, key=_place), list(lives)
    if not codes:
        return ["no file of DAGs sets access_control"]
    places = "1 place in the code of DAGs sets" if len(codes) == 1 else f"{len(codes):,} places in the code of DAGs set"
    head = f"{places} access_control, which wins over what syncd gives. In this order nobody loses anything ({PAGE}):"
    return [head, *_STEPS, *(f"  {line}" for code in codes for line in _told(code, lives, found))]


def _place(code: InCode) -> tuple[str, int, int]:
    return code.at.file, code.at.line, code.at.column


def _told(code: InCode, lives: list[LiveDeployment], found: Adopted) -> Iterator[str]:
    said = f"{code.at}: {code.dag or 'a DAG'}"
    given = "; ".join(f"{role}: {_verbs(gives)}" for role, gives in sorted(code.gives.items()))
    yield f"{said}: {'; '.join(filter(None, (given, code.doubt))) or 'takes it from every role'}"
    if not code.dag or code.doubt:
        return
    there = [live for live in lives if code.dag in live.inventory]
    if not there:
        yield f"  {', '.join(live.name for live in lives)}: no such DAG is listed"
    for live in there:
        for role, gives in sorted(code.gives.items()):
            if problem := _problem(live, role, gives, found):
                yield f"  {live.name}: {role}: {problem}"


def _verbs(gives: Iterable[Permission]) -> str:
    return ", ".join(sorted(p.verb for p in gives)) or "nothing"


def _problem(live: LiveDeployment, role: str, gives: frozenset[Permission], found: Adopted) -> str:
    """Say why lines do not give the same; empty: they do, or nobody has it."""
    has = live.observed.roles.get(role)
    if has is None:
        return "there is no such role, so the file cannot be parsed there"
    if missing := gives - has.permissions:
        return f"it does not have {some(map(str, missing))} yet; adopt again when the file was parsed"
    if role in live.deployment.naming.built_in_roles:
        return "it is built in, and no line changes it: it keeps this until somebody takes it away by hand"
    if role not in found.roles:
        return "it is left as it is, as is said above, and keeps this"
    return ""


def told_contested(
    live: LiveDeployment, losses: Iterable[Loss], gains: Iterable[Loss], codes: Iterable[InCode]
) -> Iterator[str]:
    """Name the DAGs on which another hand takes or gives each time what syncd does not want, and whose code was not seen here."""
    known = {code.dag for code in codes}
    for verb, counted in (("takes back what syncd gives", losses), ("gives back what syncd takes", gains)):
        dags = {
            live.deployment.naming.permission(one.permission.action, one.permission.resource).dag for one in counted
        }
        if missing := sorted(dag for dag in dags - known if dag):
            said = "and no file here sets access_control for that; look who does"
            yield f"{live.name}: something {verb} on {some(missing)}, {said}"
