"""The `access_control` of DAGs, read from the text of their files: nothing is imported or run.

Where code is plain (a call with `access_control` and the id as literals, or as names that the file sets once to such) all of it
is known. What is computed is told with its place and not guessed at. Airflow's own rules: a role has actions on the DAG, or a
table of `DAGs` and `DAG Runs` with actions on each (from 2.10 on); `can_dag_read` and `can_dag_edit` are the old names.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from syncd.model import At, InCode, Permission
from syncd.targets.airflow.naming import ACTIONS, permission

WORD: Final = "access_control"
_OLD: Final = {"can_dag_read": "can_read", "can_dag_edit": "can_edit"}
_BEGINS: Final = {"DAGs": "DAG:", "DAG": "DAG:", "DAG Runs": "DAG Run:", "DAG Run": "DAG Run:"}
_CONSTANTS: Final = {
    "ACTION_CAN_CREATE": "can_create",
    "ACTION_CAN_READ": "can_read",
    "ACTION_CAN_EDIT": "can_edit",
    "ACTION_CAN_DELETE": "can_delete",
    "ACTION_CAN_ACCESS_MENU": "menu_access",
    "DEPRECATED_ACTION_CAN_DAG_READ": "can_read",
    "DEPRECATED_ACTION_CAN_DAG_EDIT": "can_edit",
    "RESOURCE_DAG": "DAGs",
    "RESOURCE_DAG_RUN": "DAG Runs",
}
"""Of `airflow.security.permissions`, by whatever name that module is imported."""
_COMPUTED: Final = "what it gives is computed, so it is known only when it runs"
_WHOSE: Final = "for which DAG that is can be seen only when it runs"
_Names = Mapping[str, ast.expr]


class _Unclear(Exception):
    """What an expression gives cannot be seen from its text."""


def in_code(file: str, content: bytes) -> tuple[InCode, ...]:
    """Find all that the code of a file gives by `access_control`."""
    if WORD.encode() not in content:
        return ()
    if not file.endswith(".py"):
        return (
            InCode(
                At(file, 1), doubt=f"it has the word {WORD} in it and is no Python; look whether DAGs are made of it"
            ),
        )
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (InCode(At(file, 1), doubt=f"it has the word {WORD} in it and cannot be read as Python"),)
    return tuple(sorted(_found(file, tree), key=lambda one: (one.at.line, one.at.column)))


def _found(file: str, tree: ast.Module) -> Iterator[InCode]:
    names = _set_once(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decorated = {word: function.name for function in functions for word in function.decorator_list}
    for node in ast.walk(tree):
        match node:
            case ast.Call(keywords=keywords):
                for word in keywords:
                    if word.arg == WORD and not _is_none(word.value):
                        at = At(file, word.value.lineno, word.value.col_offset + 1)
                        yield _read(at, _id_of(node, names, decorated.get(node, "")), word.value, names)
            case ast.Dict(keys=keys) if any(isinstance(key, ast.Constant) and key.value == WORD for key in keys):
                yield InCode(At(file, node.lineno, node.col_offset + 1), doubt=_WHOSE)
            case ast.Attribute(attr=attr, ctx=ast.Store()) if attr == WORD:
                yield InCode(At(file, node.lineno, node.col_offset + 1), doubt=_WHOSE)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _set_once(tree: ast.Module) -> _Names:
    """Give the names that a file sets once, on its outermost level, and changes nowhere, with what to."""
    set_at = Counter(name for node in ast.walk(tree) for name in _sets(node))
    values: dict[str, ast.expr] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = value
    return {name: value for name, value in values.items() if set_at[name] == 1}


def _sets(node: ast.AST) -> Iterator[str]:
    """Give the name that a node sets, or may change: a table by one of its entries or methods."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case (
            ast.Attribute(value=ast.Name(id=name)) | ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del())
        ):
            yield name
        case ast.alias(name=name, asname=as_name):
            yield as_name or name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name


def _id_of(call: ast.Call, names: _Names, function: str) -> str:
    """Give the id of the DAG that a call makes; empty: it is not plain to see."""
    given = next((word.value for word in call.keywords if word.arg == "dag_id"), call.args[0] if call.args else None)
    if given is None:
        return "" if any(word.arg is None for word in call.keywords) else function
    try:
        return _text(given, names)
    except _Unclear:
        return ""


def _read(at: At, dag: str, value: ast.expr, names: _Names) -> InCode:
    try:
        gives = {
            role: frozenset(_permissions(dag or "?", given, names))
            for role, given in _table(_plain(value, names), names)
        }
    except _Unclear:
        return InCode(at, dag, doubt=_COMPUTED)
    return InCode(at, dag, gives, doubt="" if dag else _WHOSE)


def _table(value: ast.expr, names: _Names) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(value, ast.Dict):
        raise _Unclear
    for key, given in zip(value.keys, value.values, strict=True):
        if key is None:
            raise _Unclear
        yield _text(key, names), _plain(given, names)


def _permissions(dag: str, value: ast.expr, names: _Names) -> Iterator[Permission]:
    """Give what a role is given: actions on the DAG, or a table of them by resource."""
    resources = [("DAGs", value)] if not isinstance(value, ast.Dict) else _table(value, names)
    for resource, actions in resources:
        if resource not in _BEGINS:
            raise _Unclear
        for action in _several(actions, names):
            yield permission(action, f"{_BEGINS[resource]}{dag}")


def _several(value: ast.expr, names: _Names) -> Iterator[str]:
    match value:
        case ast.Call(func=ast.Name(id="set" | "frozenset" | "list" | "tuple"), args=[], keywords=[]):
            return
        case ast.Call(func=ast.Name(id="set" | "frozenset" | "list" | "tuple"), args=[inner], keywords=[]):
            value = _plain(inner, names)
    if not isinstance(value, ast.Set | ast.List | ast.Tuple):
        raise _Unclear
    for entry in value.elts:
        action = _text(entry, names)
        if (action := _OLD.get(action, action)) not in ACTIONS:
            raise _Unclear
        yield action


def _text(value: ast.expr, names: _Names) -> str:
    if isinstance(value, ast.Attribute) and value.attr in _CONSTANTS:
        return _CONSTANTS[value.attr]
    if isinstance(value, ast.Name) and value.id in _CONSTANTS and value.id not in names:
        return _CONSTANTS[value.id]
    plain = _plain(value, names)
    if isinstance(plain, ast.Constant) and isinstance(plain.value, str):
        return plain.value
    raise _Unclear


def _plain(value: ast.expr, names: _Names) -> ast.expr:
    """Follow a name to what the file sets it to."""
    for _ in range(len(names)):
        if not isinstance(value, ast.Name) or value.id not in names:
            break
        value = names[value.id]
    return value
