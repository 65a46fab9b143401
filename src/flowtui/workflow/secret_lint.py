"""Whether the secrets that workflow files refer to are set on this machine."""

from __future__ import annotations

from collections.abc import Iterable

from flowtui.model.errors import Problem, SecretError, Severity
from flowtui.nodes.masking import SHORTEST
from flowtui.nodes.secrets import Secrets, is_masked
from flowtui.workflow.loader import SecretUse


def secret_problems(uses: Iterable[SecretUse], secrets: Secrets) -> tuple[Problem, ...]:
    """Return a warning for each place that refers to a secret which is not set here, or cannot be masked."""
    places = tuple(uses)
    try:
        values = secrets.find(sorted({use.name for use in places}))
    except SecretError as error:
        return (Problem(secrets.file, 0, 0, str(error), "secrets-file", Severity.WARNING),)
    found = []
    for use in places:
        value = values[use.name]
        if value is None:
            found.append(_warning(use, secrets.missing([use.name]), "unset-secret"))
        elif not is_masked(value):
            message = (
                f"the secret {use.name} has fewer than {SHORTEST} characters, so it is not masked in logs and dead "
                "letters: make it longer"
            )
            found.append(_warning(use, message, "short-secret"))
    return tuple(found)


def _warning(use: SecretUse, message: str, code: str) -> Problem:
    return Problem(use.path, use.line, use.column, message, code, Severity.WARNING)
