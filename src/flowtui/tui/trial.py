"""What a person tries with a node: the config as it was changed, the inputs as they were chosen or typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowtui.model.development import DevRequest, Inspection, NodeInput, Origin, Preview, Stored, mock
from flowtui.model.diff import same
from flowtui.model.forms import Form, KeyPath
from flowtui.model.letters import DeadLetter
from flowtui.model.states import NodeKind

#: Producers that may be given what they would else take from their queue, or from a person.
_GIVEN_ITEMS = ("queue-reader", "trigger")


class Reset:
    """In the place of a new value: the setting is to be removed, so that its default counts."""


RESET = Reset()


class Slot:
    """One input of the node.

    Attributes:
        upstream: whose output it is, empty for all that the node takes.
        base: what was chosen, None if there is nothing.
        payload: as it was typed, or that of `base`; None for nothing.
        is_own: whether a person chose or typed it, so that nothing newer takes its place.
        fault: why what was typed cannot be run with, empty if it can.
    """

    def __init__(self, upstream: str, base: NodeInput | None, *, is_own: bool = False) -> None:
        self.upstream = upstream
        self.base = base
        self.payload = None if base is None else base.data.payload
        self.is_own = is_own
        self.fault = ""

    @property
    def given(self) -> NodeInput | None:
        """What to run with: what was chosen, or a mock if anything else was typed."""
        if self.payload is None:
            return None
        if self.base is not None and same(self.base.data.payload, self.payload):
            return self.base
        return mock(self.payload, self.upstream, self.base)

    @property
    def is_typed(self) -> bool:
        """Whether it holds something that was typed here."""
        given = self.given
        return given is not None and given is not self.base


class Trial:
    """Config and inputs that are being tried.

    Attributes:
        config: as written in the file, with all accepted changes.
        form, rendered: of that config, with what was refused beside its fields.
        pending: changes that were not looked at yet, or were refused.
        slots: by upstream; one under an empty name if a whole input is given, or the node takes but one thing.
        edition: goes up whenever the config changes otherwise than by a preview.
    """

    def __init__(self, inspection: Inspection, given: NodeInput | None = None) -> None:
        self.inspection = inspection
        self.config: dict[str, Any] = dict(inspection.config)
        self.form: Form = inspection.form
        self.rendered: Mapping[KeyPath, str] = {}
        self.pending: dict[KeyPath, Any] = {}
        self.slots: dict[str, Slot] = {}
        self.edition = 0
        if given is not None and self.has_input:
            self.choose(given)
        else:
            self.take_each()

    # Input

    @property
    def needs_input(self) -> bool:
        """Whether the node cannot run without input."""
        return self.inspection.kind is not NodeKind.PRODUCER

    @property
    def has_input(self) -> bool:
        """Whether the node can be given input."""
        return self.needs_input or self.inspection.type in _GIVEN_ITEMS

    def take_each(self) -> None:
        """Take what is at hand for each upstream."""
        found = {each.upstream: each for each in self.inspection.inputs}
        whole = found.get("")
        names = ("",) if whole is not None or not self.inspection.upstream else self.inspection.upstream
        self.slots = {name: Slot(name, found.get(name)) for name in names} if self.has_input else {}

    def choose(self, given: NodeInput) -> None:
        """Take this for its upstream; a whole input takes the place of all, and one of an upstream that of a whole."""
        if not given.upstream:
            self.slots = {"": Slot("", given, is_own=True)}
            return
        if "" in self.slots or not self.slots:
            found = {each.upstream: each for each in self.inspection.inputs}
            self.slots = {name: Slot(name, found.get(name)) for name in self.inspection.upstream}
        self.slots[given.upstream] = Slot(given.upstream, given, is_own=True)

    def given(self) -> tuple[NodeInput, ...]:
        """Return what there is to run with."""
        return tuple(given for slot in self.slots.values() if (given := slot.given) is not None)

    def faults(self) -> list[tuple[str, str]]:
        """Return what keeps the node from being run with these inputs, by slot."""
        missing = {each.upstream: each.message for each in self.inspection.missing}
        found = [(name, slot.fault) for name, slot in self.slots.items() if slot.fault]
        if self.needs_input:
            empty = [name for name, slot in self.slots.items() if slot.payload is None and not slot.fault]
            # A join may go without what a branch gives that is not taken.
            wanted = [name for name in empty if name in missing or len(empty) == len(self.slots)]
            found += [(name, missing.get(name) or f"{self.inspection.node} has no input yet") for name in wanted]
        return found

    def whole_input(self) -> NodeInput | None:
        """Return all inputs as the node sees them: merged in the order of its upstream; None if there are none."""
        given = self.given()
        data = whole_input(given, self.inspection.upstream)
        return None if data is None else given[0] if len(given) == 1 else NodeInput(Origin.MOCK, data)

    # Config

    @property
    def is_changed(self) -> bool:
        """Whether the config is not that of the file."""
        return not same(dict(self.inspection.config), self.config)

    def changed_keys(self) -> list[str]:
        """Return the settings whose value is not that of the file."""
        before = self.inspection.config
        keys = [*before, *(key for key in self.config if key not in before)]
        absent = object()
        return [
            key
            for key in keys
            if before.get(key, absent) is absent
            or self.config.get(key, absent) is absent
            or not same(before[key], self.config[key])
        ]

    def wanted(self) -> tuple[dict[str, Any], list[KeyPath]]:
        """Return the pending changes as `preview_config` takes them: new values, and what to reset."""
        changes: dict[str, Any] = {}
        for path, value in self.pending.items():
            if value is not RESET:
                inner = changes
                for key in path[:-1]:
                    inner = inner.setdefault(str(key), {})
                inner[str(path[-1])] = value
        return changes, [path for path, value in self.pending.items() if value is RESET]

    def take(self, preview: Preview, asked: Mapping[KeyPath, Any]) -> None:
        """Take over what a preview says of the changes that it was asked about; the refused ones stay pending."""
        self.config = dict(preview.edit.config)
        self.form = preview.edit.form
        # Of nothing, templates become nothing but errors.
        self.rendered = preview.rendered if self.given() or not self.needs_input else {}
        refused = {error.path for error in preview.edit.errors}
        for path, value in asked.items():
            if path not in refused and self.pending.get(path) is value:
                del self.pending[path]

    def refused(self) -> list[KeyPath]:
        """Return the fields that hold something which cannot be."""
        return [error.path for error in self.form.all_errors()]

    # All of it

    def renew(self, inspection: Inspection, *, follow_file: bool = False) -> None:
        """Take over what is known now; what was changed, chosen or typed here stays; a config may follow its file."""
        self.edition += 1
        if follow_file:
            self.pending.clear()
        changed = [] if follow_file else self.changed_keys()
        mine = {key: self.config[key] for key in changed if key in self.config}
        self.inspection, before = inspection, self.slots
        self.config = {key: value for key, value in inspection.config.items() if key not in changed} | mine
        if "" not in before or not before[""].is_own:
            self.take_each()
            kept = {name: slot for name, slot in before.items() if slot.is_own or slot.is_typed or slot.fault}
            self.slots |= {name: slot for name, slot in kept.items() if name in self.slots}

    def request(self) -> DevRequest:
        """Return the wish to run the node like this."""
        inspection = self.inspection
        config = self.config if self.is_changed else None
        return DevRequest(inspection.loop, inspection.node, config, self.given())


def whole_input(inputs: Sequence[NodeInput], upstream: Sequence[str]) -> Stored | None:
    """Return what a node gets when each of these inputs reaches it: of several, merged in the order of `upstream`."""
    if len(inputs) < 2:
        return inputs[0].data if inputs else None
    by = {need: each.data for need in upstream for each in inputs if each.upstream == need}
    payload = {key: value for data in by.values() for key, value in data.payload.items()}
    return Stored(payload, by, next((data.id for data in by.values() if data.id), ""))


def letter_input(letter: DeadLetter) -> NodeInput:
    """Return the input with which a node failed."""
    by = {need: Stored.from_dict(each) for need, each in letter.by.items()}
    return NodeInput(
        Origin.LETTER,
        Stored(letter.payload, by, letter.data_id or letter.id),
        at=letter.failed_at,
        revision=letter.revision,
        letter=letter.number,
    )
