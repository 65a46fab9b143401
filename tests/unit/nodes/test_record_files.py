"""`json-lines` and `csv-read`, with real files: each record once, and what is none is said."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import NodeError
from flowtui.nodes.base import Exhausted
from flowtui.nodes.builtin.records import CsvRead, JsonLines
from flowtui.nodes.templates import compile_config

Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Read]:
    made = []

    def make(cls: Any, cursor: Any = None, **config: Any) -> Any:
        node = cls(cls.Config.model_validate(config), id="read", loop="flow.read", folder=tmp_path)
        node.cursor = cursor
        node.setup()
        made.append(node)
        return node

    yield make
    for node in made:
        node.teardown()


async def all_of(node: Any) -> list[NodeData]:
    found = []
    try:
        while True:
            found.append(await node.execute())
    except Exhausted:
        return found


async def payloads(node: Any) -> list[dict[str, Any]]:
    return [item.payload for item in await all_of(node)]


def saved(node: Any) -> Any:
    return json.loads(json.dumps(node.cursor))


def rows(first: int, last: int) -> str:
    return "".join(json.dumps({"n": n}) + "\n" for n in range(first, last))


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "n.jsonl"
    path.write_text(rows(0, 1200))
    return path


async def test_json_lines_are_read_in_order_to_the_end(read: Read, numbers: Path) -> None:
    items = await all_of(read(JsonLines, path="n.jsonl"))
    assert [item["n"] for item in items] == list(range(1200))
    assert len({item.id for item in items}) == 1200


async def test_blank_lines_a_mark_of_byte_order_and_a_last_line_without_end_are_no_trouble(
    read: Read, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n\n   \n{"n": 2}')
    assert await payloads(read(JsonLines, path="a.jsonl")) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content", [b"", b"\n\n"])
async def test_an_empty_file_has_no_records(read: Read, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert await payloads(read(JsonLines, path="a")) == []
    assert await payloads(read(CsvRead, path="a", types={"x": "int"})) == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("taken", [1, 499, 500, 501, 1200])
async def test_a_restart_goes_on_behind_the_last_committed_record(
    read: Read, numbers: Path, packed: bool, taken: int
) -> None:
    name = "n.jsonl"
    if packed:
        name = "n.jsonl.gz"
        numbers.with_name(name).write_bytes(gzip.compress(rows(0, 1200).encode()))
    first = read(JsonLines, path=name)
    ids = [(await first.execute()).id for _ in range(taken)]
    committed = saved(first)
    if taken < 1200:
        await first.execute()  # which is not committed
    rest = await all_of(read(JsonLines, committed, path=name))
    assert [item["n"] for item in rest] == list(range(taken, 1200))
    whole = await all_of(read(JsonLines, path=name))
    assert [item.id for item in whole] == ids + [item.id for item in rest]


async def test_without_resume_each_start_begins_anew(read: Read, numbers: Path) -> None:
    node = read(JsonLines, path="n.jsonl", resume=False)
    await node.execute()
    assert node.cursor is None


async def test_all_files_that_match_are_read_in_the_order_of_their_names(read: Read, tmp_path: Path) -> None:
    for name, first in (("b.jsonl", 2), ("a.jsonl", 0), ("c.jsonl", 4)):
        (tmp_path / name).write_text(rows(first, first + 2))
    (tmp_path / "aa.jsonl").touch()
    node = read(JsonLines, path="*.jsonl")
    assert [(await node.execute())["n"] for _ in range(3)] == [0, 1, 2]
    assert [item["n"] for item in await all_of(read(JsonLines, saved(node), path="*.jsonl"))] == [3, 4, 5]


async def test_what_was_added_to_a_finished_file_comes_at_the_next_start(read: Read, numbers: Path) -> None:
    node = read(JsonLines, path="n.jsonl")
    await all_of(node)
    with numbers.open("a") as file:
        file.write(rows(1200, 1202))
    assert await payloads(read(JsonLines, saved(node), path="n.jsonl")) == [{"n": 1200}, {"n": 1201}]


async def test_another_file_of_the_name_is_read_from_its_beginning(
    read: Read, numbers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = read(JsonLines, path="n.jsonl")
    await all_of(node)
    for text in (rows(7, 9), rows(7, 3000)):
        numbers.with_name("new").write_text(text)
        os.replace(numbers.with_name("new"), numbers)
        found = await payloads(read(JsonLines, saved(node), path="n.jsonl"))
        assert found[:2] == [{"n": 7}, {"n": 8}]
        assert caplog.messages == [f"{numbers} is another file than before: it is read from its beginning"]
        caplog.clear()


BAD = [
    (b"{broken", r":2 is no JSON: .*line 1 column 2"),
    (b"[1]", ":2 is a JSON list, not an object"),
    (b"\xff", ":2 is no utf-8: byte 0 is 0xff"),
    (b'{"n": NaN}', ":2 is no JSON: NaN is no JSON number"),
    (b"[" * 60_000, ":2 is no JSON: "),
    (b'{"n": "' + b"x" * 70_000 + b'"}', ":2 is longer than max_line, 65,000 bytes"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
async def test_a_line_that_is_no_record_becomes_a_dead_letter_with_its_place(
    read: Read, tmp_path: Path, line: bytes, reason: str
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 3}\n')
    node = read(JsonLines, path="a.jsonl", max_line=65_000)
    first, bad, last = await all_of(node)
    assert (first["n"], last["n"]) == (1, 3)
    assert isinstance(bad, Unreadable)
    assert (bad["path"], bad["line"]) == (str(tmp_path / "a.jsonl"), 2)
    assert bad["raw"].startswith(line[:5].decode(errors="backslashreplace"))
    with pytest.raises(ValueError, match=reason):
        raise ValueError(bad.reason)


async def test_bad_lines_can_be_skipped(read: Read, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 1}\nbad\n{"n": 3}\nbad\n')
    assert await payloads(read(JsonLines, path="a.jsonl", on_bad="skip")) == [{"n": 1}, {"n": 3}]
    assert [message.partition(" is no")[0] for message in caplog.messages[:2]] == [f"{path}:2", f"{path}:4"]
    assert caplog.messages[2:] == ["2 records were skipped, since they could not be read"]


async def test_or_it_stops_there_until_the_file_is_mended(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 1}\nbad\n{"n": 3}\n')
    node = read(JsonLines, path="a.jsonl", on_bad="stop")
    assert (await node.execute())["n"] == 1
    for _ in range(2):
        with pytest.raises(NodeError, match=r"a\.jsonl:2 is no JSON: .*: mend the file"):
            await node.execute()
    path.write_text('{"n": 1}\n{"n": 2}\n{"n": 3}\n')
    assert await payloads(node) == [{"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.jsonl", r"none\.jsonl cannot be read: No such file or directory"),
        ("none/*.jsonl", r"no file matches none/\*\.jsonl: put one there"),
        (".", "cannot be read: Is a directory"),
        ("torn.gz", r"torn\.gz cannot be read: the compressed file is damaged or not whole"),
        ("text.gz", r"text\.gz cannot be read: Not a gzipped file"),
    ],
)
@pytest.mark.parametrize("cls", [JsonLines, CsvRead])
async def test_what_cannot_be_read_is_an_error_each_time_it_is_asked(
    read: Read, tmp_path: Path, cls: Any, path: str, said: str
) -> None:
    (tmp_path / "torn.gz").write_bytes(gzip.compress(os.urandom(1000).hex().encode())[:500])
    (tmp_path / "text.gz").write_bytes(b"text")
    node = read(cls, path=path)
    for _ in range(2):
        with pytest.raises(NodeError, match=said):
            await node.execute()


async def test_rows_have_the_names_of_the_header(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbfid,text,\r\n1,"a, ""b""\nand c",x\r\n\r\n2,\xc3\xab,\r\n')
    assert await payloads(read(CsvRead, path="a.csv")) == [
        {"id": "1", "text": 'a, "b"\nand c', "column3": "x"},
        {"id": "2", "text": "ë", "column3": ""},
    ]


@pytest.mark.parametrize("taken", [1, 2, 3])
async def test_a_restart_of_csv_goes_on_behind_a_record_of_several_lines(
    read: Read, tmp_path: Path, taken: int
) -> None:
    (tmp_path / "a.csv").write_text('n,text\n1,"a\nb"\n2,"c\n\nd"\n3,e\n4,f\n')
    node = read(CsvRead, path="a.csv")
    for _ in range(taken):
        await node.execute()
    rest = await all_of(read(CsvRead, saved(node), path="a.csv"))
    assert [item["n"] for item in rest] == [str(n) for n in range(taken + 1, 5)]


async def test_columns_can_be_named_typed_and_separated_otherwise(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("1\t2.5\tyes\t[1]\t'Zo\të'\n \t\t\t\tx\n".encode("cp1252"))
    node = read(
        CsvRead,
        path="a.tsv",
        columns=["i", "f", "b", "j", "t"],
        types={"i": "int", "f": "float", "b": "bool", "j": "json"},
        delimiter="tab",
        quote="'",
        encoding="cp1252",
    )
    assert await payloads(node) == [
        {"i": 1, "f": 2.5, "b": True, "j": [1], "t": "Zo\të"},
        {"i": None, "f": None, "b": None, "j": None, "t": "x"},
    ]


async def test_the_delimiter_can_be_found_out(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;name\n1;a\n2;b\n")
    assert await payloads(read(CsvRead, path="a.csv", delimiter="sniff")) == [
        {"id": "1", "name": "a"},
        {"id": "2", "name": "b"},
    ]
    (tmp_path / "a.csv").write_text("a1\nb2;\n3,c\n")
    with pytest.raises(NodeError, match="no delimiter could be found"):
        await read(CsvRead, path="a.csv", delimiter="sniff").execute()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1", ":3 has 1 fields, and the header 2"),
        (b"1,2,3", ":3 has 3 fields, and the header 2"),
        (b"x,2", ":3 has 'x' in the column n, which is no int"),
        (b'1,"2"x', ":3 is no CSV: "),
        (b"1,\xff", ":3 is no utf-8: byte 2 is 0xff"),
        (b'1,"a\n\xff"', ":3 is no utf-8: byte 0 is 0xff"),
    ],
)
async def test_a_row_that_is_no_record_becomes_a_dead_letter_with_its_place(
    read: Read, tmp_path: Path, row: bytes, reason: str
) -> None:
    (tmp_path / "a.csv").write_bytes(b"n,m\n1,2\n" + row + b"\n3,4\n")
    first, bad, last = await all_of(read(CsvRead, path="a.csv", types={"n": "int"}))
    assert (first["n"], last["n"]) == (1, 3)
    assert isinstance(bad, Unreadable)
    assert bad["raw"] == row.decode(errors="backslashreplace") + "\n"
    with pytest.raises(ValueError, match=reason):
        raise ValueError(bad.reason)


async def test_a_quote_that_is_never_closed_does_not_swallow_the_file_unnoticed(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('n,m\n1,2\n2,"open\n3,4\n')
    first, bad = await all_of(read(CsvRead, path="a.csv"))
    assert first["n"] == "1"
    assert "a.csv:3 is no CSV: unexpected end of data" in bad.reason
    assert bad["raw"] == '2,"open\n3,4\n'


@pytest.mark.parametrize(
    ("content", "config", "said"),
    [
        ("a,a\n1,2\n", {}, "has the column 'a' twice"),
        ("a,b\n", {"types": {"c": "int"}}, "has no column 'c', which `types` names"),
        ('"a\n', {}, "its header line is no CSV"),
    ],
)
async def test_a_header_that_cannot_be_used_is_an_error(
    read: Read, tmp_path: Path, content: str, config: dict[str, Any], said: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(NodeError, match=said):
        await read(CsvRead, path="a.csv", **config).execute()


@pytest.mark.parametrize(("field", "value"), [("delimiter", ",,"), ("encoding", "utf-16"), ("encoding", "klingon")])
def test_what_cannot_work_is_refused_at_load(field: str, value: str) -> None:
    _, problems = compile_config(CsvRead.Config, {"path": "x", field: value})
    assert [problem.path for problem in problems] == [(field,)]
