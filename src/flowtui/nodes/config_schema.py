"""A model of settings as JSON Schema draft 7, the dialect that editors know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

#: A part of a JSON Schema; a bool accepts all or nothing.
Schema = dict[str, Any]

#: Keywords that hold schemas, by the shape in which they hold them.
_BY_NAME = frozenset({"properties", "patternProperties"})
_IN_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ALONE = frozenset({"items", "additionalProperties", "additionalItems", "contains", "not", "if", "then", "else"})
#: Keywords below which a value of its own stands, so that a template may stand there instead.
_VALUES = frozenset({"properties", "patternProperties", "items", "prefixItems", "additionalProperties"})
#: Keywords that say something about a value and refuse none.
_NOTES = frozenset({"description", "markdownDescription", "default", "examples", "deprecationMessage"})
#: Left out: titles repeat the names, the others are of later drafts or of OpenAPI.
_DROPPED = frozenset({"title", "discriminator", "minContains", "maxContains", "$defs", "$comment"})
#: What the regular expressions of pydantic and Python know and those of editors do not.
_NOT_FOR_EDITORS = re.compile(r"\(\?(?![:=!]|<[=!])|\\[AZz]|[*+?}]\+|\[\[:")
#: Defaults that need not be said.
_NOTHING: tuple[Any, ...] = (None, "", [], {})
#: A template is at least as long, so a rule that asks for less text refuses none.
_SHORTEST_TEMPLATE = 4


class _Generator(GenerateJsonSchema):
    """What cannot be said in a schema is allowed; loading the file checks it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """A default that is no JSON is left out, and nobody needs to know."""


def model_schema(model: type[BaseModel], name: str, *, template: str = "") -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a model, and the definitions that it refers to, by their name.

    Args:
        name: begins the names of the definitions.
        template: name of the definition of what may stand instead of any value in it; empty if nothing may.
    """
    try:
        raw = model.model_json_schema(ref_template=f"#/definitions/{name}.{{model}}", schema_generator=_Generator)
    except Exception:  # an author's types make parts of the schema themselves, and may raise anything
        return {"type": "object"}, {}
    instead = {"$ref": f"#/definitions/{template}"} if template else None
    definitions = {f"{name}.{key}": _draft_7(part, instead) for key, part in raw.get("$defs", {}).items()}
    for each in definitions.values():
        if "enum" in each:  # an editor would show what the class says instead of what the setting says
            each.pop("description", None)
            each.pop("markdownDescription", None)
    return _draft_7(raw, instead), definitions


def described(text: str | None, default: Any = None) -> Schema:
    """Return the notes with which an editor shows a text and a default; nothing for no text."""
    paragraphs = [" ".join(part.split()) for part in (text or "").split("\n\n")]
    plain = "\n\n".join(filter(None, paragraphs))
    markdown = plain
    if default not in _NOTHING:
        markdown = f"{plain}\n\nDefault: `{json.dumps(default, ensure_ascii=False)}`".strip()
    notes = {"description": plain, "default": default}
    if "`" in markdown:  # all else an editor shows as it is
        notes["markdownDescription"] = markdown
    return {key: value for key, value in notes.items() if value not in _NOTHING}


def _draft_7(schema: Any, instead: Schema | None) -> Any:
    """Return a schema of pydantic, which is of draft 2020-12, in the words of draft 7."""
    if not isinstance(schema, dict):
        return schema
    found: Schema = {}
    for key, value in schema.items():
        if key in _DROPPED or key in _NOTES or (key == "pattern" and _NOT_FOR_EDITORS.search(value)):
            continue
        inside = _or_template if instead and key in _VALUES else _draft_7
        found[key] = _converted(key, value, partial(inside, instead=instead))
    if "oneOf" in found:  # with templates in it, more than one may fit
        found["anyOf"] = found.pop("oneOf")
    if "prefixItems" in found:
        rest = found.pop("items", None)
        found |= {"items": found.pop("prefixItems")} | ({} if rest is None else {"additionalItems": rest})
    if "$ref" in found and len(schema) > 1:
        found = {"allOf": [{"$ref": found.pop("$ref")}], **found}  # draft 7 looks at nothing beside a $ref
    return found | _notes(schema)


def _converted(key: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    if key in _BY_NAME and isinstance(value, Mapping):
        return {name: convert(part) for name, part in value.items()}
    if key in _IN_LIST and isinstance(value, list):
        return [convert(part) for part in value]
    return convert(value) if key in _ALONE else value


def _notes(schema: Schema) -> Schema:
    notes = described(schema.get("description"), schema.get("default"))
    if "examples" in schema:
        notes["examples"] = schema["examples"]
    if schema.get("deprecated"):
        notes["deprecationMessage"] = "this setting is deprecated"
    return notes


def _or_template(schema: Any, instead: Schema | None) -> Any:
    """Return the schema of a value that may be a template instead."""
    found = _draft_7(schema, instead)
    if not isinstance(found, dict) or "const" in found or _takes_templates(found):
        return found
    notes = {key: found.pop(key) for key in _NOTES & found.keys()}
    ways = next((found[key] for key in ("anyOf", "allOf") if found.keys() == {key}), [found])
    return {**notes, "anyOf": [*ways, instead]}


def _takes_templates(schema: Schema) -> bool:
    rules = schema.keys() - _NOTES
    if not rules:
        return True
    if rules == {"anyOf"}:
        return any(_takes_templates(part) for part in schema["anyOf"] if isinstance(part, dict))
    kinds = schema.get("type")
    is_text = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    return is_text and rules <= {"type", "minLength"} and schema.get("minLength", 0) <= _SHORTEST_TEMPLATE
