"""Nodes that send a request to an HTTP server: `http-request`, `http-notify`."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any, Literal

from pydantic import Field

from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode, NonBlockingNode
from flowtui.nodes.hints import ShownIf, Unit
from flowtui.nodes.http_client import Answer, HttpClient, HttpNode
from flowtui.nodes.http_settings import RequestSettings

#: What the body of an answer is read as.
BodyKind = Literal["auto", "json", "text", "bytes", "none"]


def body_of(answer: Answer, kind: BodyKind) -> dict[str, Any]:
    """Return the body of an answer under the name of what it is; raises HttpBodyError if it is not of that kind."""
    if kind == "none":
        return {}
    if kind == "bytes":
        return {"base64": b64encode(answer.content).decode()}
    if kind == "json" or (kind == "auto" and answer.is_json and answer.content):
        return {"json": answer.json()}
    return {"text": answer.text()}


async def _sent(http: HttpClient, config: RequestSettings, most: int | None) -> Answer:
    answer = await http.send(config, most=most)
    if not config.is_fine(answer.status):
        raise answer.status_error()
    return answer


class HttpRequest(HttpNode, BlockingNode):
    """Send a request to an HTTP server and add its answer to the item.

    The answer is `{"status", "url", "ms"}` and its body as `json`, `text` or `base64`. Whether a failed one is tried
    again is up to the node's `retry`, whose `on` may name HttpConnectError, HttpTimeout, HttpStatusError and
    HttpBodyError. A redelivered item is sent again: where that matters, send "{{ item }}", its id, as a key.
    """

    example = """
        ask:
          type: http-request
          needs: incoming
          config:
            method: POST
            url: "${STOCK_URL:http://127.0.0.1:8099/stock}"
            headers: {Idempotency-Key: "{{ item }}"}
            json: {order: "{{ data.id }}", lines: "{{ data.lines }}"}
            timeout: 10s
            into: stock
          retry: {attempts: 5, delay: 1s, on: [HttpConnectError, HttpTimeout]}
    """

    class Config(RequestSettings):
        response: BodyKind = Field(
            default="auto",
            description="What the body is: json (anything else is an error), text, bytes (as base64), none, or auto: "
            "JSON if the server says so, else text.",
        )
        max_bytes: Annotated[int, Unit("bytes")] = Field(
            default=5_000_000, ge=1, description="How large the body may be; nothing beyond that is read."
        )
        into: str = Field(
            default="response", min_length=1, description="The field of the item that the answer is put into."
        )
        keep_headers: Annotated[bool, ShownIf(bool, of="into")] = Field(
            default=False, description="Whether the answer's `headers` are put there, too, their names in lower case."
        )

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        answer = await _sent(self._http, config, config.max_bytes)
        found: dict[str, Any] = {"status": answer.status, "url": answer.url, "ms": round(answer.seconds * 1000, 1)}
        if config.keep_headers:
            found["headers"] = answer.headers
        return data | {config.into: found | body_of(answer, config.response)}


class HttpNotify(HttpNode, NonBlockingNode):
    """Send a request to an HTTP server while the loop goes on, and hand the item on unchanged.

    That the server does not want it, or cannot be reached, makes a dead letter, which can be replayed.
    """

    example = """
        tell:
          type: http-notify
          needs: incoming
          config:
            method: POST
            url: "${HOOK_URL:http://127.0.0.1:8099/hook}"
            json: {text: "order {{ data.id }} has come"}
          retry: {attempts: 3, delay: 1s}
    """

    class Config(RequestSettings):
        pass

    async def execute(self, data: NodeData) -> NodeData:
        await _sent(self._http, self.config, None)
        return data
