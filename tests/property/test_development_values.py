"""What development keeps of a node is read back as it was."""

from __future__ import annotations

import json
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.model.data import NodeData
from flowtui.model.development import DevLine, DevRun, NodeFailure, NodeInput, Origin, Sample, Stored
from long_runs import tries

TEXT = st.text(max_size=5)
NAME = st.text(string.ascii_lowercase + "-é", min_size=1, max_size=4)
NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)
PAYLOAD = st.dictionaries(TEXT, JSON, max_size=2)
STORED = st.recursive(
    st.builds(Stored, PAYLOAD, st.just({}), TEXT),
    lambda inner: st.builds(Stored, PAYLOAD, st.dictionaries(NAME, inner, max_size=2), TEXT),
    max_leaves=3,
)
INPUT = st.builds(NodeInput, st.sampled_from(Origin), STORED, NAME, TEXT, NUMBER, TEXT, TEXT, st.integers(0, 9))
REVISIONS = st.dictionaries(NAME, TEXT, max_size=2)
CUT = st.sampled_from([(), ("input",), ("output", "input")])
RUN = st.builds(
    DevRun,
    id=TEXT,
    loop=TEXT,
    node=NAME,
    at=NUMBER,
    ms=st.none() | NUMBER,
    config=PAYLOAD,
    inputs=st.lists(INPUT, max_size=2).map(tuple),
    output=st.none() | STORED,
    port=TEXT,
    note=TEXT,
    failure=st.none() | st.builds(NodeFailure, TEXT, TEXT, TEXT, TEXT),
    lines=st.lists(st.builds(DevLine, NUMBER, st.integers(0, 50), TEXT), max_size=2).map(tuple),
    revisions=REVISIONS,
    cut=CUT,
    revision=TEXT,
)
SAMPLE = st.builds(
    Sample,
    loop=TEXT,
    node=NAME,
    at=NUMBER,
    item=TEXT,
    input=st.none() | STORED,
    output=st.none() | STORED,
    port=TEXT,
    error=TEXT,
    revision=TEXT,
    revisions=REVISIONS,
    cut=CUT,
)


@settings(max_examples=tries(25), deadline=None)
@given(RUN, SAMPLE, STORED)
def test_what_is_kept_of_a_node_is_read_back_as_it_was(run: DevRun, sample: Sample, stored: Stored) -> None:
    assert DevRun.from_json(run.to_json()) == run
    assert Sample.from_json(sample.to_json()) == sample
    assert Stored.from_dict(json.loads(json.dumps(stored.as_dict()))) == stored


@settings(max_examples=tries(25), deadline=None)
@given(STORED, NAME)
def test_data_of_a_node_are_the_same_behind_their_stored_form(stored: Stored, id: str) -> None:
    data = stored.as_data(id)
    assert isinstance(data, NodeData)
    assert (data.payload, data.id) == (stored.payload, stored.id or id)
    again = Stored.of(data)
    assert again.as_data(id) == data
    assert [each.payload for each in again.by.values()] == [each.payload for each in stored.by.values()]
