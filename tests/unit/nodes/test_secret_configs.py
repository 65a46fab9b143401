"""`${secret:NAME}` in configs: put in at the start, with templates too, and masked whatever a template makes of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field, SecretStr, field_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import SecretError, TemplateError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.masking import masker
from flowtui.nodes.secrets import Secrets
from flowtui.nodes.templates import ConfigTemplate, compile_config

KEY = 'k3y-{{ 1 }}"quoted"'
VALUES = {"KEY": KEY, "PORT": "8080", "SHORT": "xy"}
ITEM = NodeData({"id": "4711", "name": "Ada"}, "item-1")


class Settings(NodeConfig):
    anything: Any = None
    key: SecretStr = SecretStr("")
    port: int = Field(default=1, ge=1)
    checked: str = ""

    @field_validator("checked")
    @classmethod
    def _check(cls, value: str) -> str:
        if "bad" in value or value.startswith("k3y"):
            raise ValueError(f"what is {value}?")
        return value


def compiled(raw: dict[str, Any], *, has_item: bool = True) -> ConfigTemplate:
    template, problems = compile_config(Settings, raw, has_item=has_item)
    assert template is not None, problems
    return template


def value_of(value: Any) -> Any:
    masker.learn("KEY", KEY)
    return compiled({"anything": value}).started(VALUES).render(ITEM, loop="l").anything  # type: ignore[attr-defined]


def test_a_config_with_secrets_is_known_at_the_start_and_costs_nothing_per_item() -> None:
    template = compiled({"anything": "${secret:KEY}", "key": "${secret:KEY}", "port": "${secret:PORT}"}, has_item=False)
    assert (template.static, template.secrets) == (None, {"KEY", "PORT"})
    started = template.started(VALUES)
    assert isinstance(started.static, Settings)
    assert started.static.key.get_secret_value() == started.static.anything == KEY
    assert started.static.port == 8080
    assert started.render(ITEM, loop="l") is started.static
    assert KEY not in repr([getattr(template, name) for name in ("_raw", "_parts", "_at_start")])


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("Bearer ${secret:KEY}", f"Bearer {KEY}"),
        ("${secret:PORT}${secret:KEY}", f"8080{KEY}"),
        (["${secret:KEY}", {"a": "${secret:PORT}", "b": 1}], [KEY, {"a": "8080", "b": 1}]),
        ("$${secret:KEY}", "${secret:KEY}"),
        ("{{ data.id }}:${secret:KEY}", f"4711:{KEY}"),
        ("$${secret:KEY} {{ data.id }}", "${secret:KEY} 4711"),
        ("{{ '${secret:KEY}' }}", KEY),
        ("{{ '${secret:PORT}' | int + 1 }}", 8081),
        ("{{ 'x${secret:KEY}' | length }}", len(KEY) + 1),
        ("{{ {'k': ['${secret:KEY}', data.id]} }}", {"k": [KEY, "4711"]}),
        ("{{ '${secret:KEY}' if data.name == 'Ada' else 'public' }}", KEY),
        ("{{ data['${secret:PORT}'] | default('none') }}", "none"),
        ("{% if data.name %}${secret:KEY}{% endif %}", KEY),
        (["${secret:KEY}", "{{ data.id }}"], [KEY, "4711"]),
    ],
)
def test_a_reference_gives(value: Any, result: Any) -> None:
    found = value_of(value)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    "text",
    [
        "{{ '${secret:KEY}' | upper }}",
        "{{ '${secret:KEY}' | reverse }}",
        "{{ '${secret:KEY}' | replace('-', '_') | replace('3', 'E') }}",
        "{{ '${secret:KEY}'.replace('3', '--') }}",
        "{{ '${secret:KEY}'[2:] }}",
        "{{ '${secret:KEY}' | list | join('.') }}",
        "{{ '%s!' | format('${secret:KEY}' | replace('3', '9')) }}",
        "{% set k = '${secret:KEY}' | replace('3', 'x') %}{{ k | replace('-', 'y') }}",
        "{% set k %}${secret:KEY}{% endset %}{{ k | replace('3', 'z') }}",
        "{% set ns = namespace(k='') %}{% set ns.k = '${secret:KEY}' %}{{ ns.k | replace('3', 'w') }}",
        "{% with k = '${secret:KEY}' %}{{ k | replace('3', 'v') }}{% endwith %}",
        "{% for part in ['${secret:KEY}'] %}{{ part | replace('3', 'u') }}{% endfor %}",
        "{% macro m(k) %}{{ k | replace('3', 't') }}{% endmacro %}{{ m('${secret:KEY}') }}",
    ],
)
def test_what_a_filter_makes_of_a_secret_is_masked(text: str) -> None:
    made = value_of(text)
    assert len(made) > 10
    assert masker.mask(f"id 4711, {made}.") in ("id 4711, ***KEY***.", "id 4711, ***KEY***!.")
    with_more = value_of(f"n={{{{ data.id }}}} {text}") if "macro" not in text else made
    assert made in with_more
    assert masker.mask("n=4711 Ada public") == "n=4711 Ada public"


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'public' if '${secret:KEY}' == data.id else 'private' }}",
        "{{ data.name | default('${secret:KEY}') }}",
        "{{ data.name or '${secret:KEY}' }}",
        "{{ ('${secret:KEY}' in data.name) | string }}",
    ],
)
def test_what_only_depends_on_a_secret_is_not_masked(text: str) -> None:
    value = value_of(text)
    assert masker.mask(value) == value


@pytest.mark.parametrize(
    "raw",
    [
        {"port": "${secret:KEY}"},
        {"port": "{{ '${secret:KEY}' }}"},
        {"port": "{{ '${secret:KEY}' | replace('3', '4') }}"},
        {"checked": "${secret:KEY}"},
        {"checked": "bad ${secret:KEY} {{ data.id }}"},
        {"checked": "bad ${secret:SHORT}-${secret:KEY}"},
        {"anything": "{{ '${secret:KEY}' | round }}"},
        {"anything": "{{ now.strptime('${secret:KEY}', '%Y') }}"},
        {"anything": "{{ '${secret:KEY}' + 1 }}"},
        {"anything": "{{ data['${secret:KEY}'] }}"},
        {"anything": "{{ '${secret:KEY}'.nothing }}"},
    ],
)
def test_no_error_shows_a_secret(raw: dict[str, Any]) -> None:
    masker.learn("KEY", KEY)
    with pytest.raises(TemplateError, match=r"config\.(port|checked|anything): ") as caught:
        compiled(raw).started(VALUES).render(ITEM, loop="l")
    told = "".join(map(str, (caught.value, caught.value.__cause__)))
    assert KEY not in told
    assert KEY.replace("3", "4") not in told
    assert "k3y" not in told


@pytest.mark.parametrize("kind", ["filter upper", "call m()"])
def test_a_block_that_changes_a_secret_unseen_is_refused(kind: str) -> None:
    end = "end" + kind.split(maxsplit=1)[0]
    text = "{% macro m() %}{{ caller() }}{% endmacro %}{% " + kind + " %}${secret:KEY}{% " + end + " %}"
    template, problems = compile_config(Settings, {"anything": text})
    assert template is None
    assert "block can't hold a secret" in problems[0].message


def test_values_that_wait_for_a_secret_are_no_problem_at_load_and_all_others_are() -> None:
    assert compile_config(Settings, {"port": "${secret:PORT}", "checked": "${secret:KEY}"})[1] == ()
    template, problems = compile_config(Settings, {"port": 0, "checked": "${secret:KEY}"})
    assert template is None
    assert [problem.path for problem in problems] == [("port",)]


def test_a_start_without_the_secret_is_an_error() -> None:
    with pytest.raises(TemplateError, match="no value was given for the secret KEY, PORT"):
        compiled({"anything": "${secret:PORT} ${secret:KEY}"}).started({})


# ---- where they come from ----


@pytest.fixture
def secrets_file(tmp_path: Path) -> Path:
    file = tmp_path / "secrets.yaml"
    file.touch(0o600)
    file.write_text("# mine\nKEY: from the file\nBOTH: from the file\nPIN: 0123\nEMPTY: ''\n")
    return file


def env_of(file: Path, **more: str) -> dict[str, str]:
    return {"FLOWTUI_SECRETS_FILE": str(file), **more}


def test_the_environment_wins_over_the_file(secrets_file: Path) -> None:
    secrets = Secrets(env_of(secrets_file, FLOWTUI_SECRET_BOTH="from the environment", FLOWTUI_SECRET_KEY=""))
    assert secrets(["BOTH", "KEY"]) == {"BOTH": "from the environment", "KEY": "from the file"}
    assert masker.mask("it is from the environment") == "it is ***BOTH***"


def test_the_file_is_read_again_each_time(secrets_file: Path) -> None:
    secrets = Secrets(env_of(secrets_file))
    assert secrets(["KEY"]) == {"KEY": "from the file"}
    secrets_file.write_text("KEY: changed meanwhile")
    assert secrets(["KEY"]) == {"KEY": "changed meanwhile"}


def test_without_a_named_file_it_is_in_the_users_config_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secrets_file: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert Secrets({}).find(["KEY"]) == {"KEY": None}
    (tmp_path / "config" / "flowtui").mkdir(parents=True)
    secrets_file.rename(tmp_path / "config" / "flowtui" / "secrets.yaml")
    assert Secrets({}).find(["KEY"]) == {"KEY": "from the file"}


def test_what_is_set_nowhere_is_named_with_what_to_do(secrets_file: Path) -> None:
    with pytest.raises(SecretError) as caught:
        Secrets(env_of(secrets_file))(["ONE", "KEY", "TWO"])
    assert str(caught.value) == (
        f"the secrets ONE, TWO are not set: set FLOWTUI_SECRET_ONE, or write 'ONE: …' into {secrets_file} (mode 0600)"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_can_read_is_refused(secrets_file: Path, mode: int) -> None:
    secrets_file.chmod(mode)
    with pytest.raises(SecretError, match=f"by others: run chmod 600 {secrets_file}"):
        Secrets(env_of(secrets_file))(["KEY"])
    assert Secrets(env_of(secrets_file, FLOWTUI_SECRET_KEY="given"))(["KEY"]) == {"KEY": "given"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("KEY: [hush hush", r"is no YAML \(line 1\): write a line"),
        ("KEY: a\nKEY: hush hush", "is no YAML"),
        ("KEY: !!python/object:hush hush", "is no YAML"),
        ("- hush hush", "holds no names"),
        ("hush hush", "holds no names"),
        ("KEY: 4711", "KEY in the secrets file .* is no text: put its value in quotes"),
        ("KEY: {hush: hush}", "is no text"),
        ("\udcff".encode("utf-8", "surrogateescape"), "no text in UTF-8"),
        ("# " + "x" * 1_000_000, "larger than 1 MB"),
    ],
)
def test_a_file_that_makes_no_sense_is_not_quoted(secrets_file: Path, content: str | bytes, said: str) -> None:
    secrets_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SecretError, match=said) as caught:
        Secrets(env_of(secrets_file))(["KEY"])
    assert "hush" not in str(caught.value)


def test_a_named_file_must_be_there_and_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="which does not exist"):
        Secrets(env_of(tmp_path / "nowhere"))(["KEY"])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (tmp_path, pipe):
        with pytest.raises(SecretError, match="is no file"):
            Secrets(env_of(path))(["KEY"])


def test_an_empty_file_holds_nothing(secrets_file: Path) -> None:
    secrets_file.write_text("# nothing yet\n")
    assert Secrets(env_of(secrets_file)).find(["KEY"]) == {"KEY": None}


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stands in for the optional package, with the one function that is asked of it."""
    module = ModuleType("keyring")
    kept = {("flowtui", "KEY"): "from the keyring"}
    module.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    return module


def test_a_keyring_is_asked_last(keyring: ModuleType, secrets_file: Path) -> None:
    assert Secrets({}).find(["KEY", "OTHER"]) == {"KEY": "from the keyring", "OTHER": None}
    assert Secrets(env_of(secrets_file))(["KEY"]) == {"KEY": "from the file"}


def test_a_keyring_that_fails_is_as_if_it_were_not_there(keyring: ModuleType) -> None:
    def fail(service: str, name: str) -> str:
        raise RuntimeError(f"no backend for {service} {name}")

    keyring.get_password = fail  # type: ignore[attr-defined]
    assert Secrets({}).find(["KEY"]) == {"KEY": None}


def test_json_is_yaml_so_a_secrets_file_may_be_json(secrets_file: Path) -> None:
    secrets_file.write_text(json.dumps({"KEY": KEY}))
    assert Secrets(env_of(secrets_file))(["KEY"]) == {"KEY": KEY}
