"""What a person gives a run: inputs declared in a config, as a form, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from flowtui.model.errors import BadInput
from flowtui.model.forms import FieldError, Form
from flowtui.nodes.config_faults import config_faults, not_this
from flowtui.nodes.fields import form_fields, label_of
from flowtui.nodes.hints import MultiLine

_TYPES: Mapping[str, Any] = {"text": str, "integer": int, "number": float, "boolean": bool, "json": Any}


class Input(BaseModel):
    """One input of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text", "integer", "number", "boolean", "choice", "json"] = Field(
        default="text", description="What it is; `json` is any JSON."
    )
    label: str = Field(default="", description="What a person sees before it; else its name, in words.")
    help: str = Field(default="", description="One line about it.")
    default: Any = Field(default=None, description="What it is if nothing is given.")
    required: bool = Field(default=False, description="Whether something must be given.")
    choices: list[str | int | float | bool] | None = Field(
        default=None, min_length=1, description="What may be chosen; of a `choice` only."
    )
    multi_line: bool = Field(default=False, description="Whether a text may be long.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.type == "choice") != (self.choices is not None):
            raise ValueError("`type: choice` and `choices` belong together: give both, or neither")
        if self.required and self.default is not None:
            raise ValueError("an input with a default is never missing: remove `required` or `default`")
        if self.multi_line and self.type not in ("text", "json"):
            raise ValueError("only a text or JSON can have several lines: remove `multi_line`")
        if self.default is not None:
            try:
                _model({"default": self}).model_validate({"default": self.default})
            except ValidationError as error:
                raise ValueError(f"the default does not fit: {error.errors()[0]['msg']}") from None
        return self


def input_form(inputs: Mapping[str, Input], values: Mapping[str, Any]) -> Form:
    """Return a form for these inputs that holds these values, with all that is wrong with them."""
    model = _model(inputs)
    return form_fields(model, values, templates=False).with_errors(
        FieldError((name,) if name else (), message) for name, message in _faults(model, values).items()
    )


def checked_input(inputs: Mapping[str, Input], values: Any, what: str) -> dict[str, Any]:
    """Return what a run begins with: every input that is declared, None where nothing is given and nothing is usual.

    Without declared inputs any JSON object will do. `what` is named in the error, such as `the input of orders.start`.

    Raises:
        BadInput: if something does not fit.
    """
    if not isinstance(values, Mapping):
        raise BadInput(f"{what} must be a JSON object")
    if not inputs:
        return dict(values)
    model = _model(inputs)
    if faults := _faults(model, values):
        words = "; ".join(f"{name}: {message}" if name else message for name, message in faults.items())
        raise BadInput(f"{what} does not fit: {words}", faults)
    fitting = model.model_validate(dict(values)).model_dump(mode="json")
    return {field.alias or name: fitting[name] for name, field in model.model_fields.items()}


def _faults(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong, by input."""
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        found: dict[str, str] = {}
        for fault in config_faults(error, model, values):
            if fault.kind == "missing":
                found[str(fault.path[0])] = "it is required"
            elif fault.kind == "extra_forbidden":
                found[""] = fault.message.replace("setting", "input")
            else:
                name, *inner = fault.path
                where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in inner)
                value: Any = values
                for key in fault.path:
                    value = value[key]
                words = f"{fault.message}{not_this(value)}"
                found[str(name)] = f"{where.lstrip('.')}: {words}" if where else words
        return found
    return {}


def _model(inputs: Mapping[str, Input]) -> type[BaseModel]:
    """Make the class that inputs must fit; its fields have made-up names, as that of an input may be any text."""
    fields: dict[str, Any] = {}
    for number, (name, each) in enumerate(inputs.items()):
        kind: Any = Literal[tuple(each.choices)] if each.choices else _TYPES[each.type]
        if each.multi_line or each.type == "json":
            kind = Annotated[kind, MultiLine()]
        is_open = not each.required and each.default is None and each.type != "json"
        fields[f"input_{number}"] = (
            kind | None if is_open else kind,
            Field(
                default=... if each.required else each.default,
                alias=name,
                title=each.label or label_of(name),
                description=each.help or None,
            ),
        )
    return create_model("Inputs", __config__=ConfigDict(extra="forbid", frozen=True), **fields)
