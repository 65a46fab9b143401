import json

import pytest

from flowtui.workflow.source import MAX_VALUES, parse_source, plain_scalar, read_source


def parse(tmp_path, text, name="w.yaml"):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_source(tmp_path / name, data)


def only_problem(tmp_path, text, name="w.yaml"):
    _, problems = parse(tmp_path, text, name)
    assert len(problems) == 1, problems
    return problems[0]


def test_every_key_value_and_list_item_has_its_place(tmp_path):
    source, problems = parse(tmp_path, "a: 1\nb:\n  c: [x, {d: yes}]\n  e:\n    - 2\n    - f: 3\n")
    assert problems == ()
    assert source.value == {"a": 1, "b": {"c": ["x", {"d": "yes"}], "e": [2, {"f": 3}]}}
    assert source.keys == {
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", "c"): (3, 3),
        ("b", "c", 1, "d"): (3, 11),
        ("b", "e"): (4, 3),
        ("b", "e", 1, "f"): (6, 7),
    }
    assert source.values[("b", "c", 0)] == (3, 7)
    assert source.values[("b", "c", 1, "d")] == (3, 14)
    assert source.values[("b", "e", 0)] == (5, 7)
    assert source.values[("b", "e", 1, "f")] == (6, 10)


def test_a_path_that_is_not_in_the_file_has_the_place_of_what_is_around_it(tmp_path):
    source, _ = parse(tmp_path, "nodes:\n  a:\n    needs: x\n    config: {q: [1]}\n")
    assert source.place(("nodes", "a", "needs", 0)) == (3, 12)
    assert source.place(("nodes", "a", "config", "missing")) == (4, 5)
    assert source.place(("nodes", "a", "config", "q", 5, "z")) == (4, 14)
    assert source.place(("nodes", "a", "loop", "pool"), key=True) == (2, 3)
    assert source.place(("else",)) == (1, 1)


def test_json_gives_the_same_values_and_places_as_yaml_flow_style(tmp_path):
    text = '{"nodes":\n  {"a": {"type": "x", "config": {"n": [1, 2.5, true, null, "s"]}}}}\n'
    from_json, _ = parse(tmp_path, text, "w.json")
    from_yaml, _ = parse(tmp_path, text)
    assert from_json.value == from_yaml.value == json.loads(text)
    assert from_json.keys == from_yaml.keys
    assert from_json.values == from_yaml.values


def test_json_may_be_indented_with_tabs_and_use_all_of_its_escapes(tmp_path):
    text = '{\r\n\t"a\\/b":\t"\\ud83d\\ude00 \\u2028",\r\n\t"c"\n\t: [\t]\r\n}'
    source, problems = parse(tmp_path, text, "w.json")
    assert problems == ()
    assert source.value == {"a/b": "😀 \u2028", "c": []}
    assert source.keys[("c",)] == (3, 2)


def test_an_escaped_surrogate_pair_in_yaml_is_one_character(tmp_path):
    source, _ = parse(tmp_path, 'a: "\\ud83d\\ude00"\n')
    assert source.value == {"a": "😀"}


def test_keys_are_text_and_dates_stay_text(tmp_path):
    source, problems = parse(tmp_path, "200: ok\ntrue: 2024-01-31\nnull: =\n")
    assert problems == ()
    assert source.value == {"200": "ok", "true": "2024-01-31", "null": "="}


def test_a_byte_order_mark_is_ignored(tmp_path):
    source, problems = parse(tmp_path, b"\xef\xbb\xbfa: 1\n")
    assert problems == ()
    assert source.keys[("a",)] == (1, 1)


def test_merge_keys_bring_in_what_the_mapping_lacks(tmp_path):
    source, problems = parse(tmp_path, "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: {<<: *a}\n")
    assert problems == ()
    assert source.value["c"] == {"x": 9, "y": 2, "z": 4}
    assert source.value["d"] == {"x": 1, "y": 2}


def test_all_duplicate_keys_are_reported_and_the_first_counts(tmp_path):
    source, problems = parse(tmp_path, "a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert source.value == {"a": 1, "b": {"c": 1}}
    assert [(p.line, p.column, p.code) for p in problems] == [(2, 11, "duplicate-key"), (3, 1, "duplicate-key")]
    assert "line 1" in problems[1].message


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("", (1, 1), "empty-file"),
        ("# nothing\n\n", (1, 1), "empty-file"),
        ("---\n", (1, 1), "empty-file"),
        ("- a\n- b\n", (1, 1), "not-a-mapping"),
        ("\n  just words\n", (2, 3), "not-a-mapping"),
        ("a: [1,\nb: 2\n", (1, 4), "not-yaml"),
        ("a: 'x\nb: 1\n", (1, 4), "not-yaml"),
        ("a:\n\tb: 2\n", (2, 1), "not-yaml"),
        ("a: b: c\n", (1, 5), "not-yaml"),
        ("a: *nowhere\n", (1, 4), "not-yaml"),
        ("a: 1\n---\nb: 2\n", (2, 1), "not-yaml"),
        ("a: @x\n", (1, 4), "not-yaml"),
        ("[\n" * 1500, (1, 1), "not-yaml"),
        (b"a: 1\nb: \xff\xfe\n", (2, 4), "not-text"),
        ("é: \x00\n".encode(), (1, 4), "not-text"),
        (b"\x7fELF\x02", (1, 1), "not-text"),
        ("a: hello\n".encode("utf-16"), (1, 1), "not-text"),
        ('a: "\\ud83d"\n', (1, 4), "not-text"),
        ("a: !python/object x\n", (1, 4), "bad-tag"),
        ("a: !!int abc\n", (1, 4), "bad-tag"),
        ("a: 1\n? [b]\n: 2\n", (2, 3), "bad-key"),
        ("a: {<<: 5}\n", (1, 9), "bad-key"),
        ("a: &a [*a]\n", (1, 4), "too-large"),
        ("a: &a\n  <<: *a\n", (1, 4), "too-large"),
        ("a: {{ data.x }}\n", (1, 4), "unquoted-template"),
        ("a: {{ data['x'] }}\n", (1, 4), "unquoted-template"),
        ("a:\n  url: {{ base }}/x\n", (2, 8), "unquoted-template"),
        ("a:\n  - {{ x }}\n", (2, 5), "unquoted-template"),
        ("a: {url: http://x/{{ data.id }}}\nb: 1\n", (1, 19), "unquoted-template"),
        ('a: "{{ x }}" and more\n', (1, 14), "not-yaml"),
    ],
)
def test_text_that_cannot_be_read_is_a_problem_with_its_place(tmp_path, text, place, code):
    problem = only_problem(tmp_path, text)
    assert (problem.code, (problem.line, problem.column)) == (code, place)
    assert "\n" not in problem.message
    assert not problem.message.endswith(".")


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        (" \n", (1, 1), "empty-file"),
        ("null", (1, 1), "empty-file"),
        ("[1]", (1, 1), "not-a-mapping"),
        ('{"a": 1, 2}', (1, 10), "not-json"),
        ('{\n"a" 1}', (2, 5), "not-json"),
        ('{"a": NaN}', (1, 1), "not-json"),
        ('{"a": ' + "1" * 5000 + "}", (1, 1), "not-json"),
        ("[" * 100_000, (1, 1), "not-json"),
        ('{"a": 1,\n\t"a": 2}', (2, 2), "duplicate-key"),
        ('{"a": "\\udc00"}', (1, 7), "not-text"),
    ],
)
def test_json_that_cannot_be_read_is_a_problem_with_its_place(tmp_path, text, place, code):
    problem = only_problem(tmp_path, text, "w.json")
    assert (problem.code, (problem.line, problem.column)) == (code, place)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a: {{ data.x }}\n", '"{{ data.x }}"'),
        ("a: {{ base }}/x\n", '"{{ base }}/x"'),
        ('a: {{ data["x"] }}\n', "'{{ data[\"x\"] }}'"),
        ("a: [{{ x }}, {{ y['z'] }}]\n", '"{{ x }}"'),
    ],
)
def test_an_unquoted_template_is_shown_with_quotes(tmp_path, text, quoted):
    assert only_problem(tmp_path, text).message.endswith(quoted)


def test_what_stands_beside_an_unquoted_template_is_still_read(tmp_path):
    source, problems = parse(tmp_path, "a: {{ x }}\nb: 1\nc: {{ y }}\n")
    assert [p.line for p in problems] == [1, 3]
    assert source.value == {"a": None, "b": 1, "c": None}
    assert source.is_damaged(("a",))
    assert not source.is_damaged(("b",))


def test_what_stands_beside_an_unquoted_template_as_a_key_is_still_read(tmp_path):
    source, problems = parse(tmp_path, "{{ x }}: 1\nb: 2\n")
    assert [(p.line, p.column, p.code) for p in problems] == [(1, 1, "unquoted-template")]
    assert source.value == {"b": 2}
    assert not source.is_damaged(("b",))


def test_an_anchor_may_be_used_again(tmp_path):
    source, problems = parse(tmp_path, "a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    assert problems == ()
    assert source.value == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_aliases_cannot_blow_a_file_up(tmp_path):
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert MAX_VALUES < 10**9
    assert only_problem(tmp_path, "\n".join(lines)).code == "too-large"


def test_merges_cannot_blow_a_file_up(tmp_path):
    lines = ["l0: &l0 {x: 1}"] + [f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 9)}]}}" for i in range(1, 12)]
    assert only_problem(tmp_path, "\n".join(lines)).code == "too-large"


def test_a_file_that_cannot_be_read_is_a_problem_without_a_line(tmp_path):
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    source, problems = read_source(tmp_path / "gone.yaml")
    assert source is None
    assert [(p.code, p.line, p.path) for p in problems] == [("unreadable", 0, tmp_path / "gone.yaml")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("010", 10),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("yes", "yes"),
        ("~", None),
        ("2024-01-01", "2024-01-01"),
        ("[1]", "[1]"),
        ("a: b", "a: b"),
        ("<<", "<<"),
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text, value):
    result = plain_scalar(text)
    assert result == value
    assert type(result) is type(value)
