"""`validate`: JSON Schema. A module of its own, as the library takes long to import."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated, Any, ClassVar, Self

import jsonschema
import referencing
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from pydantic import Field, field_validator, model_validator
from referencing.exceptions import Unresolvable

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.hints import Fixed

_MOST_FAULTS = 20
_LONGEST_FAULT = 200


class Validate(BlockingNode):
    """Check the item against a JSON Schema and hand it on unchanged; one that does not fit is a dead letter.

    The error names every field that does not fit, at most 20. `$schema` says which draft counts, else 2020-12. Formats
    such as `date` and `email` are checked. A `$ref` may point into the schema only: nothing is fetched.
    """

    example: ClassVar = {
        "schema": {
            "type": "object",
            "required": ["id", "total"],
            "properties": {"id": {"type": "integer"}, "total": {"type": "number", "minimum": 0}},
        }
    }

    class Config(NodeConfig):
        schema_: Annotated[dict[str, Any] | None, Fixed("a schema is the same for all items")] = Field(
            default=None, alias="schema", description="The schema itself."
        )
        file: Annotated[str, Fixed("a schema is the same for all items")] = Field(
            default="",
            description="A JSON file with the schema instead, relative to the workflow folder. Read at each start.",
        )

        @field_validator("schema_")
        @classmethod
        def _sound(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
            if schema is not None:
                try:
                    validator_of(schema)
                except NodeError as error:
                    raise ValueError(str(error)) from None
            return schema

        @model_validator(mode="after")
        def _one_schema(self) -> Self:
            if (self.schema_ is None) == (not self.file):
                raise ValueError("give either `schema` or `file`")
            return self

    def setup(self) -> None:
        config = self.config
        schema = config.schema_ if config.schema_ is not None else self._from_file(config.file)
        try:
            self._validator = validator_of(schema)
        except NodeError as error:
            raise NodeError(f"{self.id}: {error}") from None

    def _from_file(self, name: str) -> Any:
        path = self.path(name)
        try:
            return json.loads(path.read_bytes())
        except OSError as error:
            raise NodeError(f"{self.id}: the schema {path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise NodeError(f"{self.id}: the schema {path} is no JSON: {error}") from error

    async def execute(self, data: NodeData) -> NodeData:
        try:
            found = list(islice(self._validator.iter_errors(data.payload), _MOST_FAULTS + 1))
        except Unresolvable as error:
            raise NodeError(f"{self.id}: the schema refers to {error.ref!r}, which is not in it") from error
        except RecursionError:
            raise NodeError(f"{self.id}: the item is too deep to be checked, or the schema refers to itself") from None
        if found:
            found.sort(key=lambda fault: [str(part) for part in fault.absolute_path])
            texts = [_fault(each) for each in found[:_MOST_FAULTS]]
            more = " and more" if len(found) > _MOST_FAULTS else ""
            raise NodeError(f"{self.id}: the item does not fit the schema: {'; '.join(texts)}{more}")
        return data


def validator_of(schema: Any) -> Validator:
    """Return what checks items against a schema.

    Raises:
        NodeError: if it is no schema.
    """
    if not isinstance(schema, dict):
        raise NodeError(f"a schema must be an object, not {type(schema).__name__}")
    cls = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        cls.check_schema(schema)
    except SchemaError as error:
        raise NodeError(f"it is no JSON Schema: {_fault(error)}") from None
    # An empty registry: the library's own would fetch what a `$ref` names.
    return cls(schema, registry=referencing.Registry(), format_checker=cls.FORMAT_CHECKER)


def _fault(error: ValidationError | SchemaError) -> str:
    path = "/".join(str(part) for part in error.absolute_path)
    text = " ".join(error.message.split())
    text = text if len(text) <= _LONGEST_FAULT else f"{text[:80]} … {text[-_LONGEST_FAULT + 83 :]}"
    return f"{path}: {text}" if path else text
