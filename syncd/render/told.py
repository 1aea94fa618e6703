"""What a record of the journal says, with what its change and its plan say: what the forms of export are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

_ENDS: Final = frozenset({"outcome", "earlier"})
_TOO: Final = ("deployment", "because", "plan", "run", "command", "host", "files", "approved", "approved_by")
_Facts = Mapping[str, Any]
_CAME_TO: Final = {"applied": "success", "failed": "failure", "skipped": "failure"}


class ToldRecord:
    """A record. `own` are its facts, `begun` those of the intent of its change, and `plan` those of its plan; empty where there
    are none."""

    __slots__ = (
        *("_all", "_line", "_time", "at", "by", "came_to", "deployment", "does", "ends", "grants"),
        *("kind", "name", "own", "revokes", "seq", "subject"),
    )

    def __init__(self, own: _Facts, begun: _Facts, plan: _Facts, *, line: str = "") -> None:
        """`line` is the text of the record, where it is known: what it says is not written anew then."""
        self.own, self._line = own, line
        self._all = {**plan, **begun, **own}
        said = self._all.get
        self.seq, self.kind, self.at = int(own["seq"]), str(own["kind"]), str(own["at"])
        self._time = datetime.fromisoformat(self.at)
        self.subject, self.does, self.name = (str(said(name) or "") for name in ("subject", "change", "name"))
        self.deployment, self.by = str(said("deployment") or ""), str(said("by") or "")
        self.grants, self.revokes = tuple(said("grants") or ()), tuple(said("revokes") or ())
        self.came_to = _CAME_TO.get(str(own.get("status")), "unknown")
        """`success`, `failure` or `unknown`."""
        self.ends = self.kind in _ENDS and bool(self.subject)
        """Whether it tells how a change ended."""

    @property
    def time_ms(self) -> int:
        return int(self._time.timestamp() * 1000)

    @property
    def detail(self) -> str:
        return str(self.own.get("detail") or "")

    @property
    def message(self) -> str:
        if not self.subject:
            return f"{self.kind} {self.deployment}".strip()
        roles = [*(f"+{role}" for role in self.grants), *(f"-{role}" for role in self.revokes)]
        what = " ".join([self.does, self.subject, self.name, *roles])
        return f"{self.deployment}: {what}: {self.own.get('status') or self.kind}"

    @property
    def facts(self) -> dict[str, Any]:
        """Give all that the record says, and of its change and plan why it was and who let it pass."""
        told = {name: self._all[name] for name in _TOO if self._all.get(name) is not None}
        told.update(self.own)
        return told

    def with_facts(self, event: Mapping[str, Any], name: str) -> str:
        """Write an event as a line of JSON that ends with these facts under `name`; those of the record as they stand in it."""
        if not self._line.startswith("{"):
            return _json({**event, name: self.facts})
        all_, own = self._all, self.own
        more = {key: all_[key] for key in _TOO if key not in own and all_.get(key) is not None}
        before = f"{_json(more)[:-1]}," if more else "{"
        return f'{_json(event)[:-1]},"{name}":{before}{self._line[1:]}}}'


_json = json.JSONEncoder(separators=(",", ":")).encode
