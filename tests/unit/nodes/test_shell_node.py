"""`shell`, with real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowtui.model.errors import NodeError
from flowtui.nodes import processes
from flowtui.nodes.builtin import commands
from flowtui.nodes.builtin.commands import Shell
from node_at_work import at_work, faults


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def run(folder: Path, payload: Any, **config: Any) -> Any:
    async with at_work(Shell, config, folder) as node:
        return await node.run(payload)


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({"command": ["cat"], "output": "json"}, {"n": 1, "text": "Zoë"}),
        ({"command": ["cat"]}, '{"n":1,"text":"Zo\\u00eb"}'),
        ({"script": "echo a; echo; printf b", "output": "lines"}, ["a", "", "b"]),
        ({"command": ["printf", "%s|", "{{ data.n }}", "$HOME; ls *", "{{ data.text }}"]}, "1|$HOME; ls *|Zoë|"),
        ({"script": "printf %s \"$NAME\" | wc -c | tr -d ' '", "env": {"NAME": "{{ data.n }}2"}}, "2"),
        ({"command": ["true"]}, ""),
    ],
)
async def test_a_program_gets_the_item_and_its_output_becomes_a_field(config: Any, output: Any, tmp_path: Path) -> None:
    payload = {"n": 1, "text": "Zoë"}
    assert await run(tmp_path, payload, **config) == {**payload, "output": output}


async def test_an_empty_into_makes_the_output_the_payload(tmp_path: Path) -> None:
    assert await run(tmp_path, {"n": 1}, script="echo '{\"m\": 2}'", output="json", into="") == {"m": 2}
    with pytest.raises(NodeError, match="wrote a JSON list, and a payload must be an object"):
        await run(tmp_path, {}, command=["echo", "[]"], output="json", into="")


async def test_it_runs_in_the_workflow_folder_or_another(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert Path((await run(tmp_path, {}, command=["pwd", "-P"]))["output"]).samefile(tmp_path)  # noqa: ASYNC240
    assert (await run(tmp_path, {}, command=["pwd", "-P"], cwd="sub"))["output"].endswith("/sub")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"command": ["no-such-program", "hush"]}, "there is no program 'no-such-program': install it"),
        ({"command": ["./plain.txt"]}, "plain.txt may not be run: is it a program"),
        ({"command": ["ls"], "cwd": "gone"}, "there is no folder .*gone to run ls in"),
        ({"script": "echo one >&2; echo >&2; echo two >&2; exit 3"}, r"the script ended with exit code 3: one / two$"),
        ({"script": "seq 100000 >&2; exit 1"}, r"exit code 1: 99996 / 99997 / 99998 / 99999 / 100000$"),
        ({"command": ["false", "hush"]}, r"false ended with exit code 1, and wrote no error$"),
        ({"script": "kill -9 $$"}, "was ended by SIGKILL"),
        ({"command": ["echo", "no json"], "output": "json"}, "echo wrote no JSON .* but 'no json"),
        ({"command": ["true"], "output": "json"}, "true wrote no JSON .* but nothing"),
        ({"script": "printf '\\377'"}, "wrote what is no UTF-8 text, at byte 0"),
        ({"command": ["echo", "a\0b"]}, "echo cannot be started: embedded null byte"),
        ({"command": ["yes"], "max_output": 1000}, "yes wrote more than 1000 bytes"),
        ({"command": ["echo", "x" * 3_000_000]}, "echo cannot be started: Argument list too long"),
    ],
)
async def test_a_program_that_fails_is_a_sentence_without_its_arguments(
    config: Any, message: str, tmp_path: Path
) -> None:
    (tmp_path / "plain.txt").write_text("text")
    with pytest.raises(NodeError, match=message) as caught:
        await run(tmp_path, {}, **config)
    assert "hush" not in str(caught.value)


async def test_much_input_that_nobody_reads_and_much_output_do_not_block(tmp_path: Path) -> None:
    payload = {"text": "x" * 3_000_000}
    assert (await run(tmp_path, payload, command=["true"]))["output"] == ""
    assert (await run(tmp_path, payload, command=["cat"], output="json"))["output"] == payload


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({}, ""),
        ({"command": []}, ""),
        ({"command": ["ls"], "script": "ls"}, ""),
        ({"command": "ls -l"}, "command"),
        ({"command": ["ls"], "into": ""}, ""),
        ({"script": "echo {{ data.x }}"}, "script"),
        ({"command": ["ls"], "env": {"A=B": "c"}}, "env"),
    ],
)
def test_a_config_that_cannot_work_is_refused(config: Any, key: str) -> None:
    assert list(faults(Shell, config)) == [key]


#: Writes the ids of itself and of a child that it leaves behind, both in one group.
FAMILY = "sleep 600 & echo $! $$ > pids.tmp; mv pids.tmp pids; "


async def family(folder: Path) -> list[int]:
    await until((folder / "pids").exists)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
async def test_a_cancelled_node_ends_the_whole_group_and_leaves_no_zombie(
    stubborn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_GRACE_S", 0.1)
    task = asyncio.create_task(run(tmp_path, {}, script=f"{stubborn}{FAMILY}while :; do sleep 600; done"))
    pids = await family(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(pids[1])
    await until(lambda: not any(map(is_alive, pids)))


async def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    result = await run(tmp_path, {}, script=f"{FAMILY}echo done")
    assert result["output"] == "done"
    pids = await family(tmp_path)
    await until(lambda: not any(map(is_alive, pids)))


async def test_one_that_has_left_the_group_and_keeps_the_output_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_REST_S", 0.1)
    leave = "import os, time; os.setsid(); open('left', 'w').write(str(os.getpid())); time.sleep(600)"
    script = f'{sys.executable} -c "{leave}" & while [ ! -s left ]; do sleep 0.01; done; echo done'
    try:
        with pytest.raises(NodeError, match="the script has ended, but what it left running writes on"):
            await run(tmp_path, {}, script=script)
    finally:
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


async def test_programs_run_in_a_thread_with_an_event_loop_of_its_own(tmp_path: Path) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(run(tmp_path, {}, command=["echo", "x"]))))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert found == [{"output": "x"}]


ENGINE = """
import asyncio, sys
from pathlib import Path
from flowtui.nodes.builtin.commands import Shell
from node_at_work import at_work

async def main():
    async with at_work(Shell, {"script": sys.argv[1]}, Path(sys.argv[2])) as node:
        await node.run({})

asyncio.run(main())
"""


async def test_programs_end_when_their_engine_is_killed(tmp_path: Path) -> None:
    # It gets its input when it is watched.
    script = f"cat >&2; {FAMILY}while :; do sleep 600; done"
    path = os.pathsep.join(sys.path)
    engine = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ENGINE,
        script,
        str(tmp_path),
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    pids = await family(tmp_path)
    os.killpg(engine.pid, signal.SIGKILL)  # with all that belongs to it, as the kernel or a terminal would
    await engine.wait()
    await until(lambda: not any(map(is_alive, pids)))


async def test_a_guard_that_was_killed_is_replaced_and_learns_of_all(tmp_path: Path) -> None:
    guard = processes._Guard()
    victims = [await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True) for _ in range(3)]
    try:
        guard.watch(victims[0].pid)
        assert guard._process is not None
        guard._process.kill()
        guard._process.wait()
        guard.watch(victims[1].pid)
        guard.watch(victims[2].pid)
        guard.forget(victims[2].pid)
        guard.close()
        assert [await victim.wait() for victim in victims[:2]] == [-signal.SIGKILL] * 2
        assert victims[2].returncode is None
    finally:
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                victim.kill()
            await victim.wait()
