"""What a template may take, whatever an item says: it fails with a clear error, and soon."""

from __future__ import annotations

from typing import Any

import pytest

from flowtui.model.data import Meta, NodeData
from flowtui.model.errors import TemplateError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.sandbox import MOST_ROUNDS
from flowtui.nodes.templates import compile_config


class Settings(NodeConfig):
    anything: Any = None


BIG = NodeData(
    {"n": 10**9, "x": "x", "xs": list(range(2000)), "text": "a" * 1000, "wide": "%999999999d", "w": "{:>999999999}"},
    "item-7",
    Meta("trace-1", "flow.start", 3, "r1"),
)


def value_of(text: str, env: dict[str, str] | None = None) -> Any:
    template, problems = compile_config(Settings, {"anything": text}, env=env or {})
    assert template is not None, problems
    return template.render(BIG, loop="flow.start").anything  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "{{ data.x * data.n }}",
        "{{ 'x' * 10**9 }}",
        "{{ data.n * data.x }}",
        "{{ [1] * data.n }}",
        "{{ 2 ** data.n }}",
        "{{ data.n ** data.n }}",
        "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{% set ns = namespace(s='xy') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='xy') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{{ range(data.n) | list }}",
        "{% for i in range(data.n) %}{% endfor %}",
        "{% for a in data.xs %}{% for b in data.xs %}{% endfor %}{% endfor %}",
        "{% for a in data.xs %}{{ data.text * 900 }}{% endfor %}",
        "{% set t %}{% for a in data.xs %}{{ data.text * 900 }}{% endfor %}{% endset %}{{ t }}",
        "{{ data.x.center(data.n) }}",
        "{{ data.x.ljust(data.n) }}",
        "{{ data.x.zfill(data.n) }}",
        "{{ (5).to_bytes(data.n, 'big') }}",
        "{{ data.x | attr('rjust') }}{{ (data.x | attr('rjust'))(data.n) }}",
        "{{ data.x | center(data.n) }}",
        "{{ data.xs | map('center', data.n) | list }}",
        "{{ data.x | indent(data.n, first=true) }}",
        "{{ data.xs | slice(data.n) | list }}",
        "{{ data.xs | batch(data.n, 'x') | list }}",
        "{{ data.xs | tojson(indent=data.n) }}",
        "{{ 1.5 | round(data.n, 'ceil') }}",
        "{{ data.wide % 1 }}",
        "{{ '%*d' % (data.n, 1) }}",
        "{{ data.wide | format(1) }}",
        "{{ data.w.format(1) }}",
        "{{ '{:{}}'.format('x', data.n) }}",
        "{{ data.xs | join(data.text) }}",
        "{{ data.text.join(data.xs | map('string')) }}",
        "{{ data.text | replace('a', data.text * 9) }}",
        "{{ data.text.replace('a', data.text * 9) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_would_take_too_much_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^config\.anything: "):
        value_of(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ data.x * 3 }}", "xxx"),
        ("{{ 2 ** 10 * 3 + 1 }}", 3073),
        ("{{ data.xs | sum }}", 1999000),
        ("{% for i in range(3) %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/3 2/3 3/3 "),
        ("{% for i in [1, 2, 3] if i != 2 %}{{ i }}{{ ',' if not loop.last }}{% else %}none{% endfor %}", "1,3"),
        ("{% for key, value in {'a': 1}.items() %}{{ key }}={{ value }}{% endfor %}", "a=1"),
        ("{{ data.x ~ 1 ~ data.n }}", "x11000000000"),
        ("{{ '%05.1f|%s' % (2.25, data.x) }}", "002.2|x"),
        ("{{ '{:>4}'.format(data.x) }}", "   x"),
        ("{{ '%s-%s' | format(data.x, 1) }}", "x-1"),
        ("{{ data.x | center(3) }}", " x "),
        ("{{ ['a', 'b'] | join('-') }}", "a-b"),
        ("{{ ','.join(['a', 'b']) }}", "a,b"),
        ("{{ 'aXa' | replace('X', '--') }}", "a--a"),
        ("{{ 'aXa'.replace('X', '--') }}", "a--a"),
        ("{{ 'aXaXa' | replace('X', '-', 1) }}", "a-aXa"),
    ],
)
def test_what_takes_little_works_as_in_any_jinja(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_the_rounds_of_every_item_are_counted_anew() -> None:
    text = "{% for i in range(" + str(MOST_ROUNDS - 1) + ") %}{% endfor %}done"
    assert [value_of(text) for _ in range(2)] == ["done", "done"]
    template, _ = compile_config(Settings, {"anything": text})
    assert template is not None
    assert [template.render(BIG, loop="l").anything for _ in range(2)] == ["done", "done"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ item }}", "item-7"),
        ("{{ item.id }}", "item-7"),
        ("{{ item.trace }}", "trace-1"),
        ("{{ item.origin }}", "flow.start"),
        ("{{ item.attempt }}", 3),
        ("{{ item.revision }}", "r1"),
        ("{{ item | upper }}", "ITEM-7"),
        ("{{ env.REGION }}", "north"),
        ("{{ env['REGION'] }}/{{ env.PORT | int + 1 }}", "north/81"),
        ("{{ env.ABSENT | default('none') }}", "none"),
        ("{{ 'yes' if env.ABSENT is defined else 'no' }}", "no"),
    ],
)
def test_item_and_env_give(text: str, value: Any) -> None:
    result = value_of(text, {"REGION": "north", "PORT": "80", "OTHER": "x"})
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("{{ env.ABSENT }}", "unset-variable", "variable ABSENT is not set: set it, or give a default like {{ env.ABS"),
        ("{{ env['ABSENT'] | upper }}", "unset-variable", "ABSENT"),
        ("{{ env[data.x] }}", "bad-template", "only variables that it names, as env.NAME"),
        ("{{ env }}", "bad-template", "only variables that it names"),
        ("{% for name in env %}{{ name }}{% endfor %}", "bad-template", "only variables that it names"),
        ("{{ env.FLOWTUI_SECRET_KEY }}", "bad-template", "env.FLOWTUI_SECRET_KEY is a secret: write ${secret:KEY}"),
        ("{% include 'other' %}", "bad-template", "there are no other templates"),
        ("{% extends 'other' %}", "bad-template", "there are no other templates"),
        ("{{ data.x | _tracked('KEY') }}", "bad-template", "No filter named '_tracked'"),
        ("{{ _secrets }}", "bad-template", "unknown variable '_secrets'"),
        ("{{ lipsum(n=data.n) }}", "bad-template", "unknown variable 'lipsum'"),
        ("{{ ${secret:KEY} }}", "bad-template", "in quotes: '${secret:NAME}'"),
    ],
)
def test_what_no_template_may_do_is_a_problem_at_load(text: str, code: str, said: str) -> None:
    template, problems = compile_config(Settings, {"anything": text}, env={"FLOWTUI_SECRET_KEY": "x", "REGION": "n"})
    assert template is None
    assert [problem.code for problem in problems] == [code]
    assert said in problems[0].message


def test_a_template_keeps_only_the_variables_that_it_reads() -> None:
    raw = {"anything": ["{{ env.A }}", {"k": "{{ env.B | default('') }}"}]}
    template, _ = compile_config(Settings, raw, env={"A": "1", "B": "2", "C": "3"})
    assert template is not None
    assert template.env == {"A": "1", "B": "2"}


def test_an_unknown_part_of_item_is_named() -> None:
    with pytest.raises(TemplateError, match=r"'age' is undefined in item \(it has: id, trace, origin, attempt"):
        value_of("{{ item.age }}")
    with pytest.raises(TemplateError, match=r"'z' is undefined in data \(it has: n, x"):
        value_of("{{ data.z }}")
