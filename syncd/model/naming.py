"""What a kind of target takes for a name, and what it reads out of one."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.model.rules import Permission


@dataclass(frozen=True, slots=True)
class Naming:
    """The rules of names of one kind of target, as data that its adapter states once and the pure core asks.

    on_dags  what a resource begins with that is on one DAG, whose id follows, and which part of the DAG that is
    """

    on_dags: tuple[tuple[str, str], ...] = ()

    def permission(self, action: str, resource: str) -> Permission:
        """Make a permission of the target's words, with the DAG that it is on."""
        for begins, part in self.on_dags:
            if resource.startswith(begins):
                return Permission(action, resource, resource[len(begins) :] or None, part)
        return Permission(action, resource)


PLAIN = Naming()
"""Of a target that takes every name and reads nothing out of it."""
