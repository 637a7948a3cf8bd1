"""Check a document against report.schema.json with nothing but Python, as an agent has it.

Knows exactly the keywords that the schema uses; any other is an error, so that none is passed over in silence.
Keywords: https://json-schema.org/draft/2020-12/json-schema-validation
"""

import re
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
NOTES = {"$schema", "$id", "$defs", "title", "description"}
CHECKED = {"$ref", "type", "enum", "const", "pattern", "minimum", "required", "properties", "additionalProperties",
           "items", "anyOf"}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, path: str = "$") -> list[str]:
    """Return what is wrong with `value`, each with its path; an empty list means that it is valid.

    Raises:
        ValueError: the schema uses a keyword that this module does not know.
    """
    root = root or schema
    if unknown := set(schema) - NOTES - CHECKED:
        raise ValueError(f"schema keywords not supported: {', '.join(sorted(unknown))}")
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    if "anyOf" in schema:
        if any(not problems(value, option, root, path) for option in schema["anyOf"]):
            return []
        return [f"{path}: fits none of the {len(schema['anyOf'])} possible shapes"]
    if "type" in schema and not _is(value, schema["type"]):
        return [f"{path}: not of type {schema['type']}"]
    found = [f"{path}: {problem}" for problem in _plain(value, schema)]
    if isinstance(value, dict):
        found += _object(value, schema, root, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += problems(item, schema["items"], root, f"{path}[{index}]")
    return found


def _is(value: Any, names: str | list[str]) -> bool:
    kinds = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[kind]) and not isinstance(value, bool) for kind in kinds)


def _plain(value: Any, schema: dict[str, Any]) -> list[str]:
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{value!r} is none of {schema['enum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{value!r} does not match {schema['pattern']}")
    if "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
        found.append(f"{value} is below {schema['minimum']}")
    return found


def _object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        if name in properties:
            found += problems(item, properties[name], root, f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            found.append(f"{path}: {name} is not known")
    return found
