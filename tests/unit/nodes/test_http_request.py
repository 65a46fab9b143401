"""`http-request` and `http-notify` against a real server: well, slow, gone, and answering rubbish."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from flowtui.model.data import NodeData
from flowtui.model.errors import (
    HttpBodyError,
    HttpConnectError,
    HttpError,
    HttpRequestError,
    HttpStatusError,
    HttpTimeout,
    TemplateError,
)
from flowtui.nodes.builtin.http import HttpNotify, HttpRequest
from flowtui.nodes.http_client import retry_after, shown_url
from flowtui.nodes.templates import compile_config
from http_server import Answer, HttpServer, Request

Work = Callable[..., Awaitable[Any]]


def problems(config: dict[str, Any]) -> str:
    return "; ".join(each.message for each in compile_config(HttpRequest.Config, config)[1])


async def test_the_answer_is_added_to_the_item(http: HttpServer, work: Work) -> None:
    url = http.on("/stock", Answer(body={"left": 3}, headers={"X-Kind": "a"}))
    found = await work(HttpRequest, {"url": url, "keep_headers": True}, {"id": 7})
    answer = found["response"]
    assert (found.id, found["id"], answer["status"], answer["json"], answer["url"]) == (
        *("item-1", 7, 200, {"left": 3}),
        url,
    )
    assert answer["headers"]["x-kind"] == "a"
    assert answer["ms"] > 0


async def test_everything_in_the_request_can_come_from_the_item(http: HttpServer, work: Work) -> None:
    http.on("/orders/7")
    config = {
        "method": "POST",
        "url": http.url + "/orders/{{ data.id }}",
        "params": {"size": "{{ data.n }}", "tag": ["a b", "c&d"], "none": None},
        "headers": {"X-Item": "{{ item }}", "X-Count": "{{ data.n }}"},
        "json": {"lines": "{{ data.lines }}"},
        "token": "abc",
        "expect": [404],
        "into": "{{ data.into }}",
        "response": "text",
    }
    found = await work(HttpRequest, config, {"id": 7, "n": 2, "lines": [1, 2], "into": "shop"})
    request = http.requests[0]
    assert (request.method, request.path, request.json) == ("POST", "/orders/7", {"lines": [1, 2]})
    assert {**request.query, "none": [""]} == {"size": ["2"], "tag": ["a b", "c&d"], "none": [""]}
    sent = request.headers
    assert (sent["x-item"], sent["x-count"], sent["authorization"]) == ("item-1", "2", "Bearer abc")
    assert found["shop"]["text"] == "no script"


@pytest.mark.parametrize(
    ("body", "kind", "content"),
    [
        ({"json": {"a": "ä"}}, "application/json", '{"a":"ä"}'.encode()),
        ({"json": None}, "application/json", b"null"),
        ({"text": "ä"}, "text/plain; charset=utf-8", "ä".encode()),
        ({"text": {"a": 1}}, "text/plain; charset=utf-8", b'{"a": 1}'),
        ({"text": "<a/>", "headers": {"content-type": "text/xml"}}, "text/xml", b"<a/>"),
        ({"form": {"a": 1, "b": "c d"}}, "application/x-www-form-urlencoded", b"a=1&b=c+d"),
    ],
)
async def test_a_body_is_json_text_or_a_form(
    http: HttpServer, work: Work, body: dict[str, Any], kind: str, content: bytes
) -> None:
    url = http.on("/", Answer(204))
    await work(HttpRequest, {"method": "PUT", "url": url, **body})
    assert (http.requests[0].headers["content-type"], http.requests[0].body) == (kind, content)


async def test_user_and_password_are_sent_as_basic_authentication(http: HttpServer, work: Work) -> None:
    url = http.on("/", Answer())
    await work(HttpRequest, {"url": url, "username": "me", "password": "pass"})
    await work(HttpRequest, {"url": url.replace("://", "://me:pass@")})
    assert [each.headers["authorization"] for each in http.requests] == ["Basic bWU6cGFzcw=="] * 2


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        (Answer(body={"a": 1}), "auto", {"json": {"a": 1}}),
        (
            Answer(body='{"a": 1}', headers={"Content-Type": "application/problem+json; x=y"}),
            "auto",
            {"json": {"a": 1}},
        ),
        (Answer(body='{"a": 1}'), "auto", {"text": '{"a": 1}'}),
        (Answer(body='{"a": 1}'), "json", {"json": {"a": 1}}),
        (Answer(body={"a": 1}), "text", {"text": '{"a": 1}'}),
        (Answer(body=b"\xff\x00"), "bytes", {"base64": "/wA="}),
        (Answer(body=b"\xff\x00"), "auto", {"text": "\ufffd\x00"}),
        (
            Answer(body="ä".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}),
            "auto",
            {"text": "ä"},
        ),
        (Answer(204, headers={"Content-Type": "application/json"}), "auto", {"text": ""}),
        (Answer(body={"a": 1}), "none", {}),
        (Answer(body=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"}), "json", {"json": {"a": 1}}),
    ],
)
async def test_the_body_of_the_answer_is_what_the_server_or_the_config_says(
    http: HttpServer, work: Work, answer: Answer, kind: str, expected: dict[str, Any]
) -> None:
    found = await work(HttpRequest, {"url": http.on("/", answer), "response": kind})
    assert {key: value for key, value in found["response"].items() if key not in ("status", "url", "ms")} == expected


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Answer(body="<html>no", headers={"Content-Type": "application/json"}),
            r"no JSON \(application/json\).*<html>no",
        ),
        (Answer(body='{"a": NaN}', headers={"Content-Type": "application/json"}), "NaN"),
        (Answer(body=b'{"a": "\\ud800"}', headers={"Content-Type": "application/json"}), "half of a character"),
        (Answer(body=b"\xff", headers={"Content-Type": "application/json"}), "not in UTF-8"),
        (Answer(body="[" * 100_000, headers={"Content-Type": "application/json"}), "nested too deeply"),
        (Answer(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "cannot be unpacked"),
        (Answer(body="x" * 2001), "more than 2,000 bytes"),
        (Answer(body=gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"}), "more than 2,000 bytes"),
    ],
)
async def test_rubbish_is_an_error_of_its_own_class(http: HttpServer, work: Work, answer: Answer, text: str) -> None:
    limit = 2_000 if "bytes" in text else 200_000
    with pytest.raises(HttpBodyError, match=text):
        await work(HttpRequest, {"url": http.on("/", answer), "max_bytes": limit})


async def test_a_body_of_just_the_limit_is_fine(http: HttpServer, work: Work) -> None:
    found = await work(HttpRequest, {"url": http.on("/", Answer(body="x" * 2000)), "max_bytes": 2000})
    assert len(found["response"]["text"]) == 2000


async def test_a_bad_status_is_told_with_what_the_server_says_and_what_to_do(http: HttpServer, work: Work) -> None:
    url = http.on("/a", Answer(429, "slow\n down " + "x" * 500, {"Retry-After": "120"}))
    with pytest.raises(HttpStatusError) as caught:
        await work(HttpRequest, {"url": url.replace("://", "://me:pw@") + "?key=topsecret", "params": {"k": "hidden"}})
    error, text = caught.value, str(caught.value)
    assert (error.status, error.retry_after) == (429, 120)
    assert text.startswith(f"GET {url}?… answered 429 Too Many Requests; it asks to wait 120 s (Retry-After); ask less")
    assert "slow down xxx" in text
    assert len(text) < 450
    assert not any(secret in text for secret in ("pw", "topsecret", "hidden"))


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (Answer(500), "the fault is the server's"),
        (Answer(404), "check the URL"),
        (Answer(401), "credentials"),
        (Answer(302, headers={"Location": "/b?key=1"}), r"points to /b\?…: set `follow_redirects`"),
        (Answer(304), "`expect` it"),
        (Answer(299 + 300), "599"),
    ],
)
async def test_each_bad_status_has_an_advice(http: HttpServer, work: Work, answer: Answer, advice: str) -> None:
    with pytest.raises(HttpStatusError, match=advice):
        await work(HttpRequest, {"url": http.on("/", answer)})


async def test_only_expected_statuses_are_fine(http: HttpServer, work: Work) -> None:
    url = http.on("/", Answer(404, "none"), Answer(200))
    found = await work(HttpRequest, {"url": url, "expect": [404]})
    assert found["response"]["status"] == 404
    with pytest.raises(HttpStatusError, match="answered 200 OK; check the request, or `expect` it"):
        await work(HttpRequest, {"url": url, "expect": [404]})


async def test_a_server_that_is_slow_in_any_way_is_a_timeout(http: HttpServer, work: Work) -> None:
    gate = threading.Event()
    for answer in (Answer(gate=gate), Answer(body="x" * 10, drip=20.0)):
        with pytest.raises(HttpTimeout, match=r"GET .*/slow has not answered within 0.1 s \(`timeout`\)"):
            await work(HttpRequest, {"url": http.on("/slow", answer), "timeout": "100ms"})


async def test_a_connection_that_is_not_taken_is_a_timeout(work: Work) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = []
        for _ in range(4):  # more than its backlog holds
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(address)
            waiting.append(each)
        with pytest.raises(HttpTimeout, match=r"no connection within 0.1 s \(`connect_timeout`\)"):
            await work(
                HttpRequest, {"url": f"http://127.0.0.1:{address[1]}/", "connect_timeout": 0.1, "trust_env": False}
            )
        for each in waiting:
            each.close()


@pytest.mark.parametrize("drop", ["before", "reset", "middle"])
async def test_a_server_that_hangs_up_is_an_error_of_the_connection(http: HttpServer, work: Work, drop: Any) -> None:
    with pytest.raises(HttpConnectError, match=r"GET .*/ failed: "):
        await work(HttpRequest, {"url": http.on("/", Answer(body="x" * 1000, drop=drop))})


async def test_a_server_that_is_gone_is_an_error_of_the_connection(work: Work) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    config = {"url": f"http://127.0.0.1:{port}/", "trust_env": False}
    with pytest.raises(HttpConnectError, match="connection refused; does the server run"):
        await work(HttpRequest, config)
    with pytest.raises(HttpConnectError, match=r"GET http://no-such-host.invalid/ failed: .*address right"):
        await work(HttpRequest, config | {"url": "http://no-such-host.invalid/"})


async def test_what_is_no_tls_says_where_to_look(http: HttpServer, work: Work) -> None:
    with pytest.raises(HttpConnectError, match=r"TLS: .*see `verify` and `ca_file`"):
        await work(HttpRequest, {"url": http.url.replace("http", "https")})


async def test_connections_are_kept_and_replaced_when_the_server_has_hung_up(http: HttpServer) -> None:
    url = http.on("/", Answer())
    node = HttpRequest(HttpRequest.Config.model_validate({"url": url}))
    node.setup()
    for _ in range(3):
        await node.execute(NodeData({}))
    assert http.connections == 1
    http.forget_connections()
    await asyncio.sleep(0)  # for the end of the connection to be noticed
    await node.execute(NodeData({}))
    assert (len(http.requests), http.connections) == (4, 2)
    await node.teardown()


async def test_redirects_are_followed_only_if_wanted_and_not_in_a_circle(http: HttpServer, work: Work) -> None:
    http.on("/a", Answer(302, headers={"Location": "/b"}))
    http.on("/b", Answer(body="there"))
    found = await work(HttpRequest, {"url": http.url + "/a", "follow_redirects": True})
    assert (found["response"]["text"], found["response"]["url"]) == ("there", http.url + "/b")
    http.on("/b", Answer(302, headers={"Location": "/a"}))
    with pytest.raises(HttpConnectError, match="redirects"):
        await work(HttpRequest, {"url": http.url + "/a", "follow_redirects": True})


async def test_only_hosts_on_the_list_are_asked(http: HttpServer, work: Work) -> None:
    port = http.port
    http.on("/a", Answer(302, headers={"Location": f"http://localhost:{port}/b"}))
    http.on("/b", Answer(body="there"))
    config: dict[str, Any] = {"url": "http://{{ data.host }}/a", "follow_redirects": True}
    here = {"host": f"127.0.0.1:{port}"}
    for hosts in (["127.0.0.1", "localhost"], [f"127.0.0.1:{port}", f"LOCALHOST:{port}"], []):
        assert (await work(HttpRequest, config | {"hosts": hosts}, here))["response"]["text"] == "there"
    before = len(http.requests)
    with pytest.raises(HttpRequestError, match=r"127.0.0.1 is not on the node's list of `hosts`"):
        await work(HttpRequest, config | {"hosts": ["example.org", f"127.0.0.1:{port + 1}"]}, here)
    assert len(http.requests) == before
    with pytest.raises(HttpRequestError, match="/b is not sent: localhost is not"):
        await work(HttpRequest, config | {"hosts": ["127.0.0.1"]}, here)
    for trick in (f"example.org@127.0.0.1:{port}", f"127.0.0.1:{port}#.example.org", f"127.0.0.1:{port}/.example.org"):
        with pytest.raises(HttpRequestError, match=r"127.0.0.1 is not"):
            await work(HttpRequest, config | {"hosts": ["*.example.org", "example.org"]}, {"host": trick})
    with pytest.raises(HttpError) as caught:
        await work(HttpRequest, config | {"hosts": ["*.example.invalid"]}, {"host": "a.example.invalid"})
    assert not isinstance(caught.value, HttpRequestError)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b"])
async def test_a_template_cannot_add_a_header(http: HttpServer, work: Work, value: str) -> None:
    with pytest.raises(TemplateError, match=r"headers\.X-Name: a header can't hold a line break"):
        await work(HttpRequest, {"url": http.url, "headers": {"X-Name": "{{ data.name }}"}}, {"name": value})
    assert http.requests == []


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"url": "http://a", "json": 1, "text": "b"}, "only one of `json`, `text` and `form`"),
        ({"url": "http://a", "token": "x", "headers": {"authorization": "y"}}, "only one of `token`"),
        ({"url": "http://a", "headers": {"a b": "y"}}, "can't be the name of a header"),
        ({"url": "http://a", "params": {"a": {"b": 1}}}, "must be a text, a number, or a list"),
        ({"url": "http://a", "method": "GETT"}, "method|GET"),
        ({"url": "http://a", "timeout": 0}, "greater than 0"),
        ({"url": "http://a", "expect": [99]}, "100"),
        ({}, "missing|required"),
    ],
)
def test_what_cannot_be_sent_is_told_at_load(config: dict[str, Any], text: str) -> None:
    assert re.search(text, problems(config)), problems(config)


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "nothing", "file:///etc/passwd", "http://", "http://a\x00/", "http://a:b/"]
)
async def test_a_url_that_is_none_is_refused(work: Work, url: str) -> None:
    with pytest.raises(HttpRequestError, match=r"cannot be sent: .*; check the node's config"):
        await work(HttpRequest, {"url": "{{ data.url }}", "trust_env": False}, {"url": url})


async def test_a_file_of_certificates_that_cannot_be_used_is_told_at_the_start(work: Work) -> None:
    with pytest.raises(HttpRequestError, match=r"the certificates in .*/mine.pem cannot be used: No such file"):
        await work(HttpRequest, {"url": "https://127.0.0.1", "ca_file": "mine.pem"})


async def test_a_notice_leaves_the_item_as_it_is_and_fails_like_a_request(http: HttpServer, work: Work) -> None:
    config = {"method": "POST", "url": http.on("/", Answer(body="x" * 300_000), Answer(500)), "json": {"a": 1}}
    assert await work(HttpNotify, config, {"n": 1}) == {"n": 1}
    assert http.requests[0].json == {"a": 1}
    with pytest.raises(HttpStatusError, match="500"):
        await work(HttpNotify, config, {"n": 1})


async def test_cookies_of_one_item_do_not_reach_the_next(http: HttpServer) -> None:
    def answer(request: Request) -> Answer:
        return Answer(body=request.headers.get("cookie", ""), headers={"Set-Cookie": "a=1; Path=/"})

    node = HttpRequest(HttpRequest.Config.model_validate({"url": http.on("/", answer)}))
    node.setup()
    found = [await node.execute(NodeData({})) for _ in range(2)]
    await node.teardown()
    assert [each["response"]["text"] for each in found] == ["", ""]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@a.b:1/c?d=e#f", "http://a.b:1/c?…"),
        ("http://u:p@a", "http://a"),
        ("u:p@a/b", "a/b"),
        ("http://a/@b", "http://a/@b"),
        ("http://a/" + "x" * 500, "http://a/" + "x" * 190 + "…"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120), ("0", 0), ("", None), ("soon", None), ("-5", None), ("99999999999", 86_400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2099 07:28:00 -0000", 86_400), ("²", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_of_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds
