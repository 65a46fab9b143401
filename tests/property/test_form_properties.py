"""Whatever is done to a form, it stays one."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.model.forms import Form
from flowtui.nodes.forms import edit, form_of
from long_runs import tries
from places import PLACES, Place

STATES = [state for states in PLACES.values() for state in states]
CITIES = [city for states in PLACES.values() for cities in states.values() for city in cities] + ["Monte Carlo"]
JUNK = st.one_of(
    st.none(),
    st.just(""),
    st.sampled_from(["{{ data.x }}", "${NAME}", "{{ broken", "{{ nobody }}"]),
    st.recursive(
        st.integers() | st.floats() | st.booleans() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
)
GOOD = {
    "country": st.sampled_from([*PLACES]),
    "state": st.sampled_from(STATES),
    "city": st.sampled_from(CITIES),
    "people": st.integers(),
    "notify": st.booleans(),
    "how": st.sampled_from(["mail", "phone"]),
    "text": st.text(max_size=5),
}
# Mostly what a person would choose, so that there is something to clear.
LIKELY = st.fixed_dictionaries({}, optional=GOOD)
CHANGES = LIKELY | LIKELY | st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "nonsense"], JUNK))


def is_text_for_later(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "${" in value)


@settings(max_examples=tries(30))
@given(st.lists(CHANGES, min_size=2, max_size=5))
def test_after_any_edits_each_value_is_among_its_choices_or_empty(sequence: list[dict[str, Any]]) -> None:
    config: dict[str, Any] = {}
    for changes in sequence:
        after = edit(Place, config, changes)
        config = after.config
        assert json.loads(json.dumps(config, allow_nan=False)) == config
        assert Form.from_json(json.loads(json.dumps(after.form.to_json(), allow_nan=False))) == after.form
        for field in after.form.walk():
            if field.choices is not None and field.given and not is_text_for_later(field.value):
                assert field.value in [choice.value for choice in field.choices]
            assert field.visible or not field.given
        # Nothing wrong has come in: all that may be said is what is missing.
        assert {error.path for error in form_of(Place, config).all_errors()} <= {("country",)}


@settings(max_examples=tries(30))
@given(st.dictionaries(st.sampled_from(["country", "state", "city", "people", "how", "x"]), JUNK), CHANGES)
def test_any_config_of_a_file_can_be_shown_and_edited(config: dict[str, Any], changes: dict[str, Any]) -> None:
    form = form_of(Place, config)
    assert Form.from_json(json.loads(json.dumps(form.to_json(), allow_nan=False))) == form
    after = edit(Place, config, changes)
    assert all(key in changes or value is config[key] for key, value in after.config.items())
