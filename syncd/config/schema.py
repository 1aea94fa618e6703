"""JSON Schema of config.toml, for editors, from the tables.

What it refuses `syncd check` refuses too, but for keys under a name that they had once, which editors may well mark. It knows
shapes and no more: not which keys a deployment has of `[defaults]`, nor what is in the files that are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncd.config.reference import written
from syncd.config.sections import sections
from syncd.config.tables import ConfigFile
from syncd.fields import Reference, SettingsTable
from syncd.targets import TARGETS

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_LEFT_OUT: Final = ("title", "default", "discriminator")


def config_schema() -> Schema:
    """Give the schema of the configuration file."""
    tables = {section.table.__name__: section.table for section in sections()}
    whole = ConfigFile.model_json_schema()
    defined = {name: _table(body, tables[name]) for name, body in whole.pop("$defs").items()}
    for kind in TARGETS.values():
        defined[kind.table.__name__].pop("required", None)  # `[defaults]` may say it
    defined[Reference.__name__] |= {"minProperties": 1, "maxProperties": 1}
    found = _table(whole, ConfigFile)
    properties = found["properties"]
    properties["defaults"] |= {"anyOf": _whatever(properties["deployments"])}
    return {"$schema": DRAFT, **found, "$defs": defined}


def _whatever(named: Schema) -> list[Schema]:
    """Give what may stand under a name that people give."""
    return list(named["patternProperties"].values())


def _table(schema: Mapping[str, Any], table: type[SettingsTable]) -> Schema:
    says = written(table)
    properties = {
        name: {"description": " ".join(says[name].split()), **_value(value)} if name in says else _value(value)
        for name, value in schema["properties"].items()
    }
    return {**_bare(schema), "description": " ".join(schema["description"].split()), "properties": properties}


def _value(schema: Mapping[str, Any]) -> Schema:
    """Write a value so that draft 7 reads all of it: beside `$ref` it reads nothing, and TOML has no null."""
    found = _bare(schema)
    if "$ref" in found:
        return {"allOf": [found]}
    if "patternProperties" in found:
        named = {name: _bare(value) for name, value in found["patternProperties"].items()}
        return {**found, "patternProperties": named, "additionalProperties": False}
    given = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    if len(given) == 1:
        return _value(given[0])
    if found.get("type") == "array" and "$ref" in found.get("items", {}):
        return {"anyOf": [found["items"], found]}  # one table in place of a list of one
    return found


def _bare(schema: Mapping[str, Any]) -> Schema:
    return {name: value for name, value in schema.items() if name not in _LEFT_OUT}
