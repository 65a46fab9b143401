"""`llm` against a real server that speaks as the APIs of language models do."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from flowtui.model.errors import HttpBodyError, HttpConnectError, HttpStatusError, HttpTimeout
from flowtui.nodes.builtin.llm import Llm
from http_server import Answer, HttpServer

Work = Callable[..., Awaitable[Any]]


def said(text: Any, finish_reason: str = "stop") -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return Answer(body={"model": "m-1", "choices": [choice], "usage": {"total_tokens": 9}})


async def ask(http: HttpServer, work: Work, answer: Answer, /, **config: Any) -> Any:
    http.on("/v1/chat/completions", answer)
    raw = {"base_url": http.url + "/v1/", "model": "m", "prompt": "Sum up: {{ data.text }}", **config}
    return await work(Llm, raw, {"text": "abc"})


async def test_the_model_is_asked_and_its_answer_added(http: HttpServer, work: Work) -> None:
    more = {"system": "Be short to {{ data.text }}.", "temperature": 0, "max_tokens": 5, "extra": {"seed": 1}}
    found = await ask(http, work, said("fine"), api_key="key-1", **more)
    request = http.requests[0]
    assert request.headers["authorization"] == "Bearer key-1"
    assert request.json == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be short to abc."}, {"role": "user", "content": "Sum up: abc"}],
        "temperature": 0.0,
        "max_tokens": 5,
        "seed": 1,
        "stream": False,
    }
    answer = found["answer"]
    assert answer.pop("ms") > 0
    assert answer == {"text": "fine", "model": "m-1", "finish_reason": "stop", "usage": {"total_tokens": 9}}


async def test_what_is_not_set_is_not_sent(http: HttpServer, work: Work) -> None:
    await ask(http, work, said("fine"))
    assert {*http.requests[0].json} == {"model", "messages", "stream"}
    assert "authorization" not in http.requests[0].headers


@pytest.mark.parametrize("text", ['{"kind": 1}', '```json\n{"kind": 1}\n```', ' {"kind": 1}\n'])
async def test_in_json_mode_the_answer_is_a_value(http: HttpServer, work: Work, text: str) -> None:
    found = await ask(http, work, said(text), json_mode=True, into="sorted")
    assert found["sorted"]["json"] == {"kind": 1}
    assert http.requests[0].json["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (said("Sure! Here it is"), r"the model's answer is no JSON .*; `retry` may help: Sure! Here it is"),
        (said('{"a": [1, ', "length"), "it was cut off: allow more `max_tokens`"),
        (said(None), "without choices.* is `base_url` right"),
        (Answer(body={"choices": []}), "without choices"),
        (Answer(body=[]), "without choices"),
        (Answer(body="<html>hello"), "no JSON .*<html>hello"),
    ],
)
async def test_what_is_no_answer_is_told(http: HttpServer, work: Work, answer: Answer, text: str) -> None:
    with pytest.raises(HttpBodyError, match=text):
        await ask(http, work, answer, json_mode=True)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(401, {"error": {"message": "bad key"}}), "401 Unauthorized; check `api_key`: .*bad key"),
        (Answer(404, {"error": {"message": "no such model"}}), "check `base_url` and `model`: .*no such model"),
        (Answer(429, headers={"Retry-After": "7"}), r"it asks to wait 7 s \(Retry-After\); too many requests"),
        (Answer(503, "busy"), "the fault is the server's, `retry` may help: busy"),
        (
            Answer(400, {"error": {"code": "context_length_exceeded", "message": "maximum context length is 8"}}),
            r"the prompt \(11 characters\) is too long for m: send less",
        ),
        (Answer(400, {"error": {"message": "bad seed"}}), "check the node's settings: .*bad seed"),
    ],
)
async def test_a_refusal_says_what_to_do(http: HttpServer, work: Work, answer: Answer, text: str) -> None:
    with pytest.raises(HttpStatusError, match=text) as caught:
        await ask(http, work, answer, api_key="key-1")
    assert "key-1" not in str(caught.value)


async def test_a_model_that_is_slow_or_gone(http: HttpServer, work: Work) -> None:
    with pytest.raises(HttpTimeout, match=r"within 0.05 s"):
        await ask(http, work, Answer(gate=threading.Event()), timeout=0.05)
    with pytest.raises(HttpConnectError, match=r"POST .*/v1/chat/completions failed"):
        await ask(http, work, Answer(drop="before"))
