"""From the definition of a role to the permissions that it has on one deployment."""

from __future__ import annotations

from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.select import Inventory, is_literal
from syncd.model import DagSelector, Dialect, Level, Naming, Permission, Role, RoleDefinition


class Speller:
    """Spells roles out for one deployment: its DAGs and the words of its target."""

    def __init__(self, inventory: Inventory, dialect: Dialect, naming: Naming, diagnostics: Diagnostics) -> None:
        self.inventory, self.dialect, self.naming, self.diagnostics = inventory, dialect, naming, diagnostics
        self.on_dag: dict[tuple[Level, str], frozenset[Permission]] = {}

    def role(self, definition: RoleDefinition) -> Role:
        """Give a role with every permission that can exist now; notes say what has to wait."""
        permissions = set(self.dialect.every_role)
        for selector in definition.dags:
            permissions |= self._selected(definition.name, selector)
        for permission, at in definition.permissions:
            read = self.naming.permission(permission.action, permission.resource)
            if read.dag is not None and read.dag not in self.inventory:
                self._pending(f"{at}", definition.name, read.dag)
            else:
                permissions.add(read)
        return Role(definition.name, frozenset(permissions))

    def _selected(self, role: str, selector: DagSelector) -> frozenset[Permission]:
        found = self.inventory.matching(selector)
        pending = [i for i in selector.ids if is_literal(i) and i not in self.inventory]
        for dag in pending:
            self._pending(f"{selector.at}", role, dag)
        if not found and not pending:
            text = f"{selector.at}: no DAG here is what this entry of {role} asks for; it gives no DAG"
            self.diagnostics.note("selector_matches_nothing", text)
        baseline = (self.dialect.levels[level][0] for level in selector.level.included)
        return frozenset().union(*baseline, *(self._on(selector.level, dag) for dag in found))

    def _on(self, level: Level, dag: str) -> frozenset[Permission]:
        """Give what a level, and those that it includes, mean for one DAG."""
        if problem := self.naming.dag_problem(dag):
            self.diagnostics.note("dag_id_too_long", f'the DAG "{dag}" is left out: {problem}')
            return frozenset()
        if (level, dag) not in self.on_dag:
            self.on_dag[level, dag] = frozenset(
                template.at(dag) for part in level.included for template in self.dialect.levels[part][1]
            )
        return self.on_dag[level, dag]

    def _pending(self, at: str, role: str, dag: str) -> None:
        self.diagnostics.note(
            "dag_pending", f'{at}: the DAG "{dag}" is not here yet; {role} gets its permissions once it is'
        )
