"""`llm`: asks a language model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr

from flowtui.model.data import NodeData
from flowtui.model.errors import HttpBodyError, HttpStatusError
from flowtui.nodes.base import BlockingNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.hints import MultiLine, Unit
from flowtui.nodes.http_client import Answer, HttpNode
from flowtui.nodes.http_settings import ConnectionSettings, LongText, RequestSettings, Text
from flowtui.nodes.strict_json import strict_json

_LARGEST_ANSWER = 20_000_000
_SHOWN = 300
_ADVICE = {
    400: "check the node's settings",
    401: "check `api_key`",
    403: "check `api_key` and what it permits",
    404: "check `base_url` and `model`",
    422: "check the node's settings",
    429: "too many requests or no credit: `rate-limit` before it, or let `retry` wait longer",
}


class Llm(HttpNode, BlockingNode):
    """Ask a language model behind an OpenAI-compatible API, and add its answer to the item.

    The answer is `{"text", "model", "finish_reason", "usage", "ms"}`, with `json_mode` also `json`, its value. Whether
    a failed request is made again is up to the node's `retry`, whose `on` may name HttpConnectError, HttpTimeout,
    HttpStatusError and HttpBodyError; each one may be charged. The node's `cache` spares equal questions.
    """

    example = """
        sort:
          type: llm
          needs: incoming
          config:
            base_url: "${LLM_URL:http://127.0.0.1:11434/v1}"
            api_key: "${secret:LLM}"
            model: llama3.2
            system: You sort letters of customers. Answer with a JSON object with the field "kind".
            prompt: "{{ data.text }}"
            json_mode: true
            into: sorted
          retry: {attempts: 4, delay: 2s, on: [HttpConnectError, HttpTimeout, HttpStatusError]}
    """

    class Config(ConnectionSettings):
        base_url: str = Field(
            default="https://api.openai.com/v1",
            min_length=1,
            description="Where the API is, without /chat/completions; most servers of models have one.",
        )
        model: Text = Field(min_length=1, description="The model's name there.")
        api_key: SecretStr | None = Field(default=None, description="Sent as `Authorization: Bearer …`.")
        system: Annotated[Text, MultiLine()] = Field(default="", description="What the model is told beforehand.")
        prompt: LongText = Field(min_length=1, description='The question, like "Sum this up: {{ data.text }}".')
        temperature: float | None = Field(
            default=None,
            ge=0,
            le=2,
            description="0 for the likeliest answer, more for variety; the model's own if empty.",
        )
        max_tokens: Annotated[int, Unit("tokens")] | None = Field(
            default=None, ge=1, description="How long the answer may be; the model's own limit if empty."
        )
        json_mode: bool = Field(
            default=False, description="The answer must be JSON; many models want the prompt to say so, too."
        )
        extra: dict[str, Any] = Field(
            default={}, description="More fields of the request, as the API names them: seed, top_p, tools …"
        )
        timeout: Duration = Field(default=120.0, gt=0, description="How long the whole answer may take.")
        into: str = Field(default="answer", min_length=1, description="The field of the item for the answer.")

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        answer = await self._http.send(_request(config), most=_LARGEST_ANSWER)
        if not 200 <= answer.status < 300:
            raise _refused(answer, config)
        found = _answer(answer)
        if config.json_mode:
            found["json"] = _json(answer.what, found)
        return data | {config.into: found | {"ms": round(answer.seconds * 1000, 1)}}


def _request(config: Any) -> RequestSettings:
    messages = [{"role": "system", "content": config.system}] if config.system else []
    body: dict[str, Any] = {
        "model": config.model,
        "messages": [*messages, {"role": "user", "content": config.prompt}],
        "temperature": config.temperature,
        "max_tokens": config.max_tokens,
        "response_format": {"type": "json_object"} if config.json_mode else None,
    }
    connection = {name: getattr(config, name) for name in ConnectionSettings.model_fields}
    return RequestSettings.model_validate(
        connection
        | {
            "method": "POST",
            "url": config.base_url.rstrip("/") + "/chat/completions",
            "token": config.api_key,
            "json": {name: value for name, value in body.items() if value is not None}
            | config.extra
            | {"stream": False},
        }
    )


def _refused(answer: Answer, config: Any) -> HttpStatusError:
    told = answer.text().lower()
    if answer.status in (400, 413, 422) and "context" in told and ("length" in told or "window" in told):
        size = len(config.system) + len(config.prompt)
        advice = f"the prompt ({size:,} characters) is too long for {config.model}: send less, or take another model"
        return answer.status_error(advice)
    return answer.status_error(_ADVICE.get(answer.status, ""))


def _answer(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    try:
        choice = body["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = choice = None
    if choice is None or not isinstance(text, str):
        shown = answer.text()[:_SHOWN]
        raise HttpBodyError(f"{answer.what} answered without choices[0].message.content; is `base_url` right?: {shown}")
    return {
        "text": text,
        "model": body.get("model"),
        "finish_reason": choice.get("finish_reason"),
        "usage": body.get("usage"),
    }


def _json(what: str, found: dict[str, Any]) -> Any:
    text = found["text"].strip()
    if text.startswith("```") and text.endswith("```"):  # many models wrap it, whatever they are told
        text = text[3:-3].removeprefix("json").strip()
    try:
        return strict_json(text.encode())
    except ValueError as error:
        cut = "it was cut off: allow more `max_tokens`" if found["finish_reason"] == "length" else "`retry` may help"
        raise HttpBodyError(f"{what}: the model's answer is no JSON ({error}); {cut}: {text[:_SHOWN]}") from None
