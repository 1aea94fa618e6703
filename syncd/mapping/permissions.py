"""From the definition of a role to the permissions that it has on one deployment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.mapping.diagnostics import Diagnostics, some
from syncd.mapping.inventory import Inventory
from syncd.mapping.patterns import is_literal
from syncd.model import Base, DagSelector, Dialect, Level, Naming, Permission, Role, RoleDefinition

Given = tuple[frozenset[Permission], frozenset[Permission]]
"""What is given everywhere, and what on each DAG, as templates."""


class Speller:
    """Spells roles out for one deployment: its DAGs and the words of its target."""

    def __init__(self, inventory: Inventory, dialect: Dialect, naming: Naming, diagnostics: Diagnostics) -> None:
        self.inventory, self.dialect, self.naming, self.diagnostics = inventory, dialect, naming, diagnostics
        self.on_dag: dict[tuple[Level, tuple[str, ...], str], frozenset[Permission]] = {}

    def role(self, definition: RoleDefinition) -> Role:
        """Give a role with every permission that can exist now; notes say what has to wait."""
        permissions = set(self.dialect.every_role)
        for base in definition.bases:
            permissions |= self._of_base(definition.name, base)
        for selector in definition.dags:
            permissions |= self._selected(definition.name, selector)
        for permission, at in definition.permissions:
            resource = self.dialect.renamed.get(permission.resource, permission.resource)
            read = self.naming.permission(permission.action, resource)
            if read.dag is not None and read.dag not in self.inventory:
                self._pending(f"{at}", definition.name, read.dag)
            else:
                permissions.add(read)
        return Role(definition.name, frozenset(permissions))

    def _of_base(self, role: str, base: Base) -> frozenset[Permission]:
        """Give what one of the target's own roles holds on this release."""
        known = self.dialect.built_in.get(base.role)
        doubt = known.doubt if known else "what it holds here is not known, so it gives nothing"
        if doubt:
            self.diagnostics.note("base_not_measured", f"{base.at}: {role} extends {base.role}: {doubt}")
        if known is None:
            return frozenset()
        return known.permissions if base.without_all_dags else known.permissions | known.all_dags

    def _selected(self, role: str, selector: DagSelector) -> frozenset[Permission]:
        found = self.inventory.matching(selector)
        pending = [i for i in selector.ids if is_literal(i) and i not in self.inventory]
        for dag in pending:
            self._pending(f"{selector.at}", role, dag)
        unsaid = self.inventory.doubtful(selector)
        if unsaid:
            self.diagnostics.note("dag_place_unknown", f"{selector.at}: {self._left_out(role, selector, unsaid)}")
        if not found and not pending and not unsaid:
            text = f"{selector.at}: no DAG here is what this entry of {role} asks for; it gives no DAG"
            self.diagnostics.note("selector_matches_nothing", text)
        for word in set(selector.also) - self.dialect.dag_actions.keys():
            text = f'{selector.at}: there is no "{word}" on one DAG here; this entry of {role} goes without it'
            self.diagnostics.note("action_not_here", text)
        baseline = (everywhere for everywhere, _ in self._parts(selector.level, selector.also))
        return frozenset().union(*baseline, *(self._on(selector, dag) for dag in found))

    def _parts(self, level: Level, also: Iterable[str]) -> Iterator[Given]:
        """Give what a level, those that it includes, and what stands beside it mean here."""
        yield from (self.dialect.levels[part] for part in level.included if part in self.dialect.levels)
        yield from (self.dialect.dag_actions[word] for word in also if word in self.dialect.dag_actions)

    def _left_out(self, role: str, selector: DagSelector, unsaid: frozenset[str]) -> str:
        """Say which DAGs are left out because the server does not say where they are, and what to do."""
        parts = (selector, *selector.but)
        asked = {"bundle": any(part.bundles for part in parts), "path": any(part.paths for part in parts)}
        kinds = [kind for kind, is_asked in asked.items() if is_asked]
        todo = "; ".join(dict.fromkeys(self.dialect.untold[kind] for kind in kinds if kind in self.dialect.untold))
        return (
            f"the server does not say the {' and the '.join(kinds)} of {some(unsaid)}, so this entry of {role} leaves "
            f"{'it' if len(unsaid) == 1 else 'them'} out" + (f"; {todo}" if todo else "")
        )

    def _on(self, selector: DagSelector, dag: str) -> frozenset[Permission]:
        """Give what an entry means for one DAG."""
        if problem := self.naming.dag_problem(dag):
            self.diagnostics.note("dag_id_too_long", f'the DAG "{dag}" is left out: {problem}')
            return frozenset()
        asked = selector.level, selector.also, dag
        if asked not in self.on_dag:
            parts = self._parts(selector.level, selector.also)
            self.on_dag[asked] = frozenset(template.at(dag) for _, templates in parts for template in templates)
        return self.on_dag[asked]

    def _pending(self, at: str, role: str, dag: str) -> None:
        self.diagnostics.note(
            "dag_pending", f'{at}: the DAG "{dag}" is not here yet; {role} gets its permissions once it is'
        )
