"""A config that is saved through the door is picked up by the running engine, and so is its undoing."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.access import READ_ONLY
from flowtui.model.cases import Expected, TestCase
from flowtui.model.development import SavedConfig, SourcePlace
from flowtui.model.errors import AccessRefused, FileChanged, NotSaved, UnknownLoop, UnknownNode
from flowtui.workflow.source import text_digest

PATIENCE_S = 20.0
ENDLESS = """\
nodes:
  start: {type: count, config: {every: 0.002}}
  note:
    type: note
    needs: start
    config:
      file: a.txt  # where to
  shout:
    type: python
    needs: note
    config: {function: "words:shout"}
  say: {type: log, needs: shout}
"""
WORDS = "from functools import cache\n\n\ndef shout(data):\n    return data\n"


def test_the_loop_is_swapped_and_swapped_back(write, start) -> None:
    path = write("w.yaml", ENDLESS.partition("  shout")[0])
    text = path.read_bytes()
    app = start(watch=True)
    client = EngineClient(app.engine)
    app.until(lambda: app.done("a.txt"))
    saved = client.save_config("w.start", "note", {"file": "b.txt"}, text_digest(text)).result(PATIENCE_S)
    assert path.read_bytes() == text.replace(b"a.txt", b"b.txt")
    app.until(lambda: app.done("b.txt"))
    assert app.loop("w.start").revision == 2
    client.undo_config(saved).result(PATIENCE_S)
    assert path.read_bytes() == text
    app.until(lambda: app.snapshot().last_reload == "w r3: 1 swapped, 0 lost")
    assert app.loop("w.start").revision == 3


def test_reload_tells_what_has_become_of_a_change_and_nothing_if_there_is_none(write, start, folder) -> None:
    path = write("w.yaml", ENDLESS.partition("  shout")[0])
    app = start()
    client = EngineClient(app.engine)
    assert client.reload().result(PATIENCE_S) == ""
    path.write_text(path.read_text().replace("a.txt", "b.txt"))
    assert client.reload().result(PATIENCE_S) == "w r2: 1 swapped, 0 lost"
    module = folder / "nodes" / "testing_nodes.py"
    module.write_text(module.read_text() + "\n")
    assert client.reload().result(PATIENCE_S) == "w r3: 1 swapped, 0 lost"
    path.write_text("nodes:\n  a: {}\n")
    assert client.reload().result(PATIENCE_S) == "w.yaml is broken (1 problem): w r3 still runs"
    assert client.reload().result(PATIENCE_S) == ""


def test_many_reloads_at_once_are_one(write, start) -> None:
    path = write("w.yaml", ENDLESS.partition("  shout")[0])
    app = start()
    path.write_text(path.read_text().replace("a.txt", "b.txt"))
    told = [future.result(PATIENCE_S) for future in [EngineClient(app.engine).reload() for _ in range(5)]]
    assert sorted(told) == ["", "", "", "", "w r2: 1 swapped, 0 lost"]


def test_what_cannot_be_saved_is_refused_and_leaves_the_file(write, start, tmp_path: Path) -> None:
    path = write("w.yaml", ENDLESS.partition("  shout")[0])
    text = path.read_bytes()
    digest = text_digest(text)
    client = EngineClient(start().engine)
    for loop, node, given, error in (
        ("w.begin", "note", digest, UnknownLoop),
        ("w.start", "notes", digest, UnknownNode),
        ("w.start", "note", "0" * 16, FileChanged),
    ):
        with pytest.raises(error):
            client.save_config(loop, node, {"file": "b.txt"}, given).result(PATIENCE_S)
    other = tmp_path / "other.yaml"
    other.write_bytes(text)
    with pytest.raises(NotSaved, match=r"other\.yaml holds none of the loops here"):
        client.undo_config(SavedConfig(other, digest, "mine")).result(PATIENCE_S)
    assert (path.read_bytes(), other.read_bytes()) == (text, text)


def test_who_may_only_look_saves_nothing(write, start) -> None:
    path = write("w.yaml", ENDLESS.partition("  shout")[0])
    client = EngineClient(start(access=READ_ONLY).engine)
    saved = SavedConfig(path, text_digest(path.read_bytes()), "")
    for attempt in (client.save_config("w.start", "note", {}, saved.digest), client.undo_config(saved)):
        with pytest.raises(AccessRefused):
            attempt.result(PATIENCE_S)


def test_the_code_of_a_node_is_found_where_its_author_wrote_it(write, start, folder) -> None:
    (folder / "nodes" / "words.py").write_text(WORDS)
    path = write("w.yaml", ENDLESS)
    app = start()
    client = EngineClient(app.engine)
    module = folder / "nodes" / "testing_nodes.py"

    def line(text: str) -> int:
        return module.read_text().splitlines().index(text) + 1

    def place(node: str) -> SourcePlace:
        return client.source_of("w.start", node).result(PATIENCE_S)

    assert place("") == SourcePlace(path, 2)
    assert place("note") == SourcePlace(module, line("class Note(BlockingNode):"))
    assert place("say") == SourcePlace(path, 12)  # built in
    assert place("shout") == SourcePlace(folder / "nodes" / "words.py", 4)
    with pytest.raises(UnknownNode, match="did you mean 'note'"):
        place("nota")
    # Its lines may have moved since it was loaded.
    module.write_text("\n\n" + module.read_text())
    assert place("note") == SourcePlace(module, line("class Note(BlockingNode):"))


def test_a_test_case_is_written_beside_the_workflows_and_is_no_workflow(write, start, folder) -> None:
    write("w.yaml", ENDLESS.partition("  shout")[0])
    app = start()
    case = TestCase("it notes", "w", "note", Expected(port="x"), input={"n": 1})
    path = EngineClient(app.engine).save_case(case).result(PATIENCE_S)
    assert path == folder / "tests" / "w.yaml"
    assert EngineClient(app.engine).reload().result(PATIENCE_S) == ""
    with pytest.raises(NotSaved, match="give this one another name"):
        EngineClient(app.engine).save_case(case).result(PATIENCE_S)
