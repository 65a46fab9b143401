import pytest

from flowtui.workflow.loader import load_document


@pytest.fixture
def load(tmp_path):
    def load(text, env=None, name="flow.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return load_document(path, env or {})

    return load


def config_of(load, config, env=None):
    doc, problems = load(f"nodes:\n  a:\n    type: t\n    config:\n      v: {config}\n", env)
    assert problems == ()
    return doc.nodes["a"].config["v"]


def test_a_document_has_everything_that_the_file_says(load):
    doc, problems = load(
        "name: orders\ndescription: Checks.\nnodes:\n"
        "  a: {type: t, title: First, loop: {pool: thread, on_error: pause, autostart: false, max_in_flight: 3}}\n"
        "  b: {type: u, needs: a, config: {x: [1, {y: z}]}}\n"
        "  c: {type: u, needs: [b.yes, a]}\n"
    )
    assert problems == ()
    assert (doc.name, doc.description, list(doc.nodes)) == ("orders", "Checks.", ["a", "b", "c"])
    first, second, third = doc.nodes.values()
    assert first.title == "First"
    assert first.loop.model_dump() == {
        "pool": "thread",
        "on_error": "pause",
        "autostart": False,
        "max_in_flight": 3,
        "replicas": 1,
        "restarts": 5,
        "breaker": 10,
        "max_dead_letters": 10_000,
        "max_deliveries": 5,
        "batch": None,
    }
    assert (second.needs, second.config, second.loop) == (["a"], {"x": [1, {"y": "z"}]}, None)
    assert third.needs == ["b.yes", "a"]


def test_the_name_is_the_stem_of_the_file_unless_the_file_says_another(load):
    assert load("nodes: {a: {type: t}}", name="my-flow.yml")[0].name == "my-flow"
    assert load("name: other\nnodes: {a: {type: t}}", name="my-flow.yml")[0].name == "other"
    assert load("name: other\nnodes: {a: {type: t}}", name="my flow.v2.yml")[1] == ()


def test_a_stem_that_is_no_name_is_a_problem(load):
    _, problems = load("nodes: {a: {type: t}}", name="my flow.yaml")
    assert [(p.line, p.code) for p in problems] == [(1, "bad-name")]


def test_a_key_without_a_value_counts_as_not_written(load):
    doc, problems = load("description:\nnodes:\n  a:\n    type: t\n    title:\n    needs:\n    config:\n    loop:\n")
    assert problems == ()
    node = doc.nodes["a"]
    assert (node.title, node.needs, node.config, node.loop) == ("", [], {}, None)


def test_variables_are_replaced_within_the_strings_of_a_config(load):
    env = {"HOST": "db", "EMPTY": ""}
    assert config_of(load, '"http://${HOST}:${PORT:80}/${EMPTY}"', env) == "http://db:80/"
    assert config_of(load, '[{x: "${HOST}"}, "${NO:}"]', env) == [{"x": "db"}, ""]
    assert config_of(load, '"${URL:http://127.0.0.1:8099/hook}"') == "http://127.0.0.1:8099/hook"


def test_an_unquoted_variable_may_be_a_number_and_a_quoted_one_stays_text(load):
    env = {"N": "5", "F": "1.10", "B": "true", "S": "a: [b"}
    assert config_of(load, "${N}", env) == 5
    assert config_of(load, "${MISSING:2.5}", env) == 2.5
    assert config_of(load, "${B}", env) is True
    assert config_of(load, "${S}", env) == "a: [b"
    assert config_of(load, "${N}${N}", env) == "55"
    assert config_of(load, "${EMPTY:}", env) == ""
    assert config_of(load, '"${F}"', env) == "1.10"


def test_two_dollars_write_the_characters_themselves(load):
    assert config_of(load, '"$${HOME} costs $5 and $$"', {"HOME": "x"}) == "${HOME} costs $5 and $$"


def test_a_value_from_the_environment_is_not_replaced_again(load):
    assert config_of(load, '"${A}"', {"A": "${B}", "B": "x"}) == "${B}"


def test_variables_outside_a_config_are_plain_text(load):
    doc, problems = load("nodes: {a: {type: t, title: 'costs ${PRICE}'}}")
    assert problems == ()
    assert doc.nodes["a"].title == "costs ${PRICE}"


def test_all_variables_that_are_not_set_are_reported_at_once(load):
    doc, problems = load(
        'nodes:\n  a:\n    type: t\n    config:\n      x: "${ONE} ${TWO}"\n      y: [1, "${THREE}"]\n', {"TWO": ""}
    )
    assert [(p.line, p.column, p.code) for p in problems] == [(5, 10, "unset-variable"), (6, 14, "unset-variable")]
    assert "ONE" in problems[0].message
    assert doc.left_out == {("a", "config")}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${secret:}", "bad-secret"),
        ("${secret:API-KEY}", "bad-secret"),
        ("${secret:API_KEY:default}", "bad-secret"),
        ("${FLOWTUI_SECRET_KEY}", "bad-secret"),
        ("${NAME:${secret:KEY}}", "bad-variable"),
        ("${}", "bad-variable"),
        ("${1ST}", "bad-variable"),
        ("${A-b}", "bad-variable"),
        ("${HOME", "bad-variable"),
    ],
)
def test_what_looks_like_a_variable_and_is_none_is_reported(load, text, code):
    _, problems = load(f'nodes:\n  a:\n    type: t\n    config: {{x: "{text}"}}\n')
    assert [(p.line, p.column, p.code) for p in problems] == [(4, 17, code)]


def test_a_node_that_is_too_wrong_is_left_out_and_the_others_stay(load):
    doc, problems = load("nodes:\n  a: 5\n  b: {needs: a}\n  1c: {type: t}\n  d: {type: t, needs: 7, titel: D}\n")
    assert [(p.line, p.code) for p in problems] == [
        (2, "bad-value"),
        (3, "missing-field"),
        (4, "bad-id"),
        (5, "bad-value"),
        (5, "unknown-field"),
    ]
    assert doc.unusable == {"a", "b", "1c"}
    assert list(doc.nodes) == ["d"]
    assert doc.left_out == {("d", "needs"), ("d", "title")}


def test_a_file_without_usable_nodes_has_no_document(load):
    doc, problems = load("name: x\nnodes: [a, b]\ncolour: red\n")
    assert doc is None
    assert [(p.line, p.column, p.code) for p in problems] == [(2, 8, "bad-value"), (3, 1, "unknown-field")]


def test_a_part_that_could_not_be_read_is_reported_once(load):
    _, problems = load("nodes:\n  a:\n    type: {{ t }}\n    title: {{ x }}\n    needs: [{{ y }}]\n  b: {type: t}\n")
    assert {p.code for p in problems} == {"unquoted-template"}
    assert [p.line for p in problems] == [3, 4, 5]
