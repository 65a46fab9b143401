"""`${secret:NAME}` in configs, and where its value comes from: the environment, a private file, a keyring."""

from __future__ import annotations

import importlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from flowtui.model.errors import SecretError
from flowtui.nodes.masking import SHORTEST, masker

#: What the name of an environment variable that holds a secret begins with.
VARIABLE_PREFIX = "FLOWTUI_SECRET_"
#: The environment variable that says which file holds secrets.
FILE_VARIABLE = "FLOWTUI_SECRETS_FILE"
#: The service under which a keyring keeps them.
KEYRING_SERVICE = "flowtui"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"(?P<escape>\$\$\{secret:)|\$\{secret:(?P<name>[^}]*)\}")
#: A secrets file is small; what is larger is something else.
_MOST_BYTES = 1_000_000

#: Gives the values of secrets by their names; raises SecretError.
FindSecrets = Callable[[Iterable[str]], Mapping[str, str]]
NO_VALUES: Mapping[str, str] = {}


def no_secrets(names: Iterable[str]) -> Mapping[str, str]:
    """As `Secrets`, where none are set."""
    if missing := sorted(names):
        raise SecretError(f"the secret {missing[0]} is not given here")
    return NO_VALUES


def secret_names(value: Any) -> frozenset[str]:
    """Return the names of all secrets to which a text, or what is within a list or mapping, refers."""
    if isinstance(value, str):
        return frozenset(found["name"] for found in _REFERENCE.finditer(value) if found["name"] is not None)
    if isinstance(value, Mapping):
        return frozenset().union(*map(secret_names, value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*map(secret_names, value))
    return frozenset()


def has_reference(text: str) -> bool:
    """Return whether a text refers to a secret, or holds `$${secret:`, which stands for the text `${secret:`."""
    return "${secret:" in text


def split_references(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text: itself and False, or the name of the secret that stands there and True."""
    at = 0
    for found in _REFERENCE.finditer(text):
        before = text[at : found.start()] + ("${secret:" if found["escape"] else "")
        if before:
            yield before, False
        if found["name"] is not None:
            yield found["name"], True
        at = found.end()
    if at < len(text):
        yield text[at:], False


def with_secrets(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the secrets in it."""
    return "".join(values[part] if is_secret else part for part, is_secret in split_references(text))


class Secrets:
    """Looks secrets up, anew each time, so that a changed one counts from the next start of its loop on."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    @property
    def file(self) -> Path:
        """The file that holds secrets, if it is there."""
        named = self._env.get(FILE_VARIABLE)
        return Path(named).expanduser() if named else user_config_path("flowtui") / "secrets.yaml"

    def __call__(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values, which are masked from now on in all that this process writes.

        Raises:
            SecretError: if one is not set, or the file cannot be used.
        """
        found = self.find(names)
        missing = sorted(name for name, value in found.items() if value is None)
        if missing:
            raise SecretError(self.missing(missing))
        values = {name: value for name, value in found.items() if value is not None}
        for name, value in values.items():
            masker.learn(name, value)
        return values

    def find(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return the values, None for what is set nowhere; an empty one counts as not set.

        Raises:
            SecretError: if the file is needed and cannot be used.
        """
        found: dict[str, str | None] = {}
        in_file: Mapping[str, Any] | None = None
        for name in names:
            value = self._env.get(VARIABLE_PREFIX + name)
            if not value:
                in_file = self._content() if in_file is None else in_file
                value = in_file.get(name)
                if value is not None and not isinstance(value, str):
                    raise SecretError(f"{name} in the secrets file {self.file} is no text: put its value in quotes")
            found[name] = value or _in_keyring(name)
        return found

    def missing(self, names: list[str]) -> str:
        """Return the sentence that these are set nowhere."""
        what = f"the secret {names[0]} is" if len(names) == 1 else f"the secrets {', '.join(names)} are"
        return f"{what} not set: set {VARIABLE_PREFIX}{names[0]}, or write '{names[0]}: …' into {self.file} (mode 0600)"

    def _content(self) -> Mapping[str, Any]:
        path = self.file
        text = self._read(path)
        return {} if text is None else _parsed(path, text)

    def _read(self, path: Path) -> str | None:
        try:
            # Not to be kept waiting by a pipe.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            if self._env.get(FILE_VARIABLE):
                raise SecretError(f"{FILE_VARIABLE} names {path}, which does not exist") from None
            return None
        except NotADirectoryError:
            return None
        except OSError as error:
            raise SecretError(f"the secrets file {path} cannot be read: {error.strerror}") from None
        try:
            _check_private(path, os.fstat(descriptor))
            content = os.read(descriptor, _MOST_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > _MOST_BYTES:
            raise SecretError(f"the secrets file {path} is larger than {_MOST_BYTES // 1_000_000} MB")
        try:
            return content.decode()
        except ValueError:
            raise SecretError(f"the secrets file {path} is no text in UTF-8") from None


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretError(f"the secrets file {path} is no file")
    if status.st_mode & 0o077:
        raise SecretError(f"the secrets file {path} can be read or written by others: run chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise SecretError(f"the secrets file {path} belongs to somebody else: make a copy of your own")


def _parsed(path: Path, text: str) -> Mapping[str, Any]:
    # What is wrong must not be quoted: it is secret.
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        place = f" (line {error.problem_mark.line + 1})" if error.problem_mark is not None else ""
        raise SecretError(f"the secrets file {path} is no YAML{place}: write a line 'NAME: value' for each") from None
    except (YAMLError, ValueError, RecursionError):
        raise SecretError(f"the secrets file {path} is no YAML: write a line 'NAME: value' for each") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise SecretError(f"the secrets file {path} holds no names: write a line 'NAME: value' for each secret")
    return content


def _in_keyring(name: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")  # an optional extra, and slow to import
    except ImportError:
        return None
    try:
        value = keyring.get_password(KEYRING_SERVICE, name)
    except Exception:  # no backend, a locked one, a desktop that is not there: as if it had none
        return None
    return value if isinstance(value, str) and value else None


def is_masked(value: str) -> bool:
    """Return whether a secret with this value can be kept out of what people read."""
    return len(value) >= SHORTEST
