"""Whatever a workflow file looks like and whatever changes in a node's config, nothing else in the file does."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowtui.engine.saving import save_config, undo_config
from flowtui.workflow.edits import with_config
from flowtui.workflow.source import parse_source, text_digest
from flowtui.workflow.writer import block_text, flow_text
from long_runs import tries

FOLDER = Path(__file__).parents[2]
FILES = [
    *sorted((FOLDER / "workflows").glob("*.yaml")),
    *sorted((FOLDER / "tests" / "corpus" / "good").glob("*.*")),
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t "), max_size=10),
    st.text("ab \n#:'\"\\{}[]|>-&*!%@`,?$", max_size=10),
    st.sampled_from(["yes", "null", "~", "1", "1e3", "<<", "2020-01-01", "{{ data.n }}", "${A:1}", "a\n  b\n\nc\n"]),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
CONFIGS = st.dictionaries(TEXTS, VALUES, max_size=5)


def changed(draw: st.DrawFn, value: Any) -> Any:
    """Change one thing somewhere in a value."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 3)):
            return {**value, key: changed(draw, value[key])}
        return {other: each for other, each in value.items() if other != key}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value) - 1))
        return [
            *value[:at],
            *draw(st.sampled_from([[], [changed(draw, value[at])], [value[at]] * 2])),
            *value[at + 1 :],
        ]
    if isinstance(value, dict):
        return {**value, draw(TEXTS): draw(VALUES)}
    if isinstance(value, list):
        return [*value, draw(VALUES)]
    return draw(VALUES)


@st.composite
def edits(draw: st.DrawFn, config: dict[str, Any]) -> dict[str, Any]:
    """A config with some changes."""
    for _ in range(draw(st.integers(1, 3))):
        config = changed(draw, config)
    return config


class Writer:
    """Writes an entry of a mapping in one of the ways in which people write them, with comments all around."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._comments = 0

    def comment(self) -> str:
        self._comments += 1
        return f"# note {self._comments}: 'a', {{b}}"

    def entry(self, key: str, value: Any, indent: str) -> tuple[list[str], list[str], list[str]]:
        """Return the lines above, its own, and those below; a comment may stand behind its first one too."""
        before, behind, below = (self._draw(st.integers(0, 3)) == 0 for _ in range(3))
        lines = self._lines(key, value)
        if behind:
            lines[0] += f"   {self.comment()}"
        lines = [indent + line if line else "" for line in lines]
        return [indent + self.comment()] * before, lines, ["", indent + self.comment()] * below

    def lines(self, key: str, value: Any, indent: str) -> list[str]:
        """Return all these lines."""
        above, own, below = self.entry(key, value, indent)
        return [*above, *own, *below]

    def _lines(self, key: str, value: Any) -> list[str]:
        if isinstance(value, str) and self._draw(st.booleans()):
            return [f"{flow_text(key)}: {json.dumps(value)}"]
        if self._draw(st.booleans()):
            return [f"{flow_text(key)}: {flow_text(value)}"]
        step, offset = self._draw(st.sampled_from([(2, 2), (2, 0), (4, 2)]))
        text = block_text({key: value}, step, offset)
        assume("?" not in text[:1])
        return text.rstrip("\n").split("\n")


@dataclass(frozen=True)
class Document:
    """A file with a node `it`.

    Attributes:
        head, tail: the lines above its config and below it.
        parts: of each of the config's keys the lines above, its own, those below.
    """

    text: str
    config: dict[str, Any]
    head: list[str]
    parts: dict[str, tuple[list[str], list[str], list[str]]]
    tail: list[str]

    def kept(self, wanted: dict[str, Any]) -> list[str]:
        """Return the lines that stay when the node gets another config."""
        kept = [*self.head, *(["    config:"] if wanted and self.config else [])]
        for key, (above, own, below) in self.parts.items():
            stays = key in wanted and dumped(wanted[key]) == dumped(self.config[key])
            kept += [*above, *(own if stays else []), *below]
        return kept + self.tail


def dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A file with comments all around."""
    writer = Writer(draw)
    config = draw(CONFIGS)
    parts = {key: writer.entry(key, value, "      ") for key, value in config.items()}
    before = writer.lines("before", {"type": "t", "config": draw(CONFIGS)}, "  ")
    after = writer.lines("after", {"type": "t", "config": draw(CONFIGS)}, "  ")
    head = [writer.comment(), "nodes:", *before, "  it:", f"    {writer.comment()}", "    type: t"]
    inside = [line for above, own, below in parts.values() for line in (*above, *own, *below)]
    tail = [*writer.lines("timeout", "5s", "    "), *after]
    lines = [*head, *(["    config:"] if parts else []), *inside, *tail]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = draw(st.sampled_from(["", "\ufeff"])) + newline.join(lines) + draw(st.sampled_from(["", newline]))
    return Document(text, config, head, parts, tail)


def read(text: str, path: Path) -> dict[str, Any]:
    source, problems = parse_source(path, text.encode())
    assert source is not None, (problems, text)
    assert problems == (), text
    return source.value


@settings(max_examples=tries(25), deadline=None)
@given(data=st.data(), document=documents())
def test_only_the_keys_that_differ_are_written_anew(data: st.DataObject, document: Document) -> None:
    path = Path("w.yaml")
    was = read(document.text, path)
    assert dumped(was["nodes"]["it"].get("config", {})) == dumped(document.config)
    wanted = data.draw(edits(document.config))
    result = with_config(path, document.text, "it", wanted)

    now = read(result, path)
    assert dumped(now["nodes"]["it"].pop("config", {})) == dumped(wanted)
    was["nodes"]["it"].pop("config", None)
    assert dumped(now) == dumped(was)
    lines = iter(result.removeprefix("\ufeff").splitlines())
    assert [line for line in document.kept(wanted) if line not in lines] == []
    assert result.endswith("\n") == document.text.endswith("\n")
    assert ("\r" in document.text) == ("\r" in result)


@settings(max_examples=tries(15), deadline=None)
@given(data=st.data(), file=st.sampled_from(FILES))
def test_in_files_of_people_lines_of_other_nodes_stay_and_undo_gives_the_same_bytes(
    data: st.DataObject, file: Path
) -> None:
    text = file.read_bytes()
    was = read(text.decode(), file)
    node = data.draw(st.sampled_from(sorted(was["nodes"])))
    wanted = data.draw(edits(was["nodes"][node].get("config") or {}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file.name)
        path.write_bytes(text)
        saved = save_config(path, node, wanted, text_digest(text), {})
        result = path.read_bytes()
        assert text_digest(result) == saved.digest
        undone = undo_config(saved)
        assert path.read_bytes() == text
        undo_config(undone)
        assert path.read_bytes() == result
    now = read(result.decode(), file)
    assert dumped(now["nodes"][node].get("config") or {}) == dumped(wanted)
    first, last = lines_of(file, node)
    before, after = text.splitlines(keepends=True), result.splitlines(keepends=True)
    assert after[:first] == before[:first]
    assert after[len(after) - (len(before) - last) :] == before[last:]


def lines_of(file: Path, node: str) -> tuple[int, int]:
    """Return the number of lines above a node, and of those up to the next one."""
    source, _ = parse_source(file, file.read_bytes())
    assert source is not None
    starts = sorted({source.place(("nodes", each), key=True)[0] for each in source.value["nodes"]})
    here = source.place(("nodes", node), key=True)[0]
    last = max(line for path, (line, _) in source.values.items() if path[:2] == ("nodes", node))
    below = [start for start in starts if start > here]
    return here - 1, below[0] - 1 if below else max(last, here)
