"""One row for each way to break a workflow: the text, where the problem stands, its code, a word of its message."""

import pytest

HEAD = "nodes:\n  t: {type: tick}\n"

BROKEN = {
    "an unknown top-level field": (HEAD + "nods: {}\n", "3:1", "unknown-field", "did you mean 'nodes'"),
    "a cache that is no mapping": (HEAD + "  w: {type: work, needs: t, cache: 3}\n", "3:36", "bad-value", "a mapping"),
    "a cache without a time": (HEAD + "  w: {type: work, needs: t, cache: {}}\n", "3:29", "missing-field", "'ttl'"),
    "a cache for no time": (HEAD + "  w: {type: work, needs: t, cache: {ttl: 0}}\n", "3:42", "bad-value", "more than"),
    "a cache of a producer": (
        "nodes:\n  t: {type: tick, cache: {ttl: 1m}}\n",
        "2:19",
        "no-cache",
        "'t' (tick) makes new items; remove it",
    ),
    "a cache of a writer": (
        HEAD + "  w: {type: queue-writer, needs: t, config: {queue: /q}, cache: {ttl: 1m}}\n",
        "3:58",
        "no-cache",
        "must write every item, also one that equals another; remove it",
    ),
    "a retry that is no mapping": (HEAD + "  w: {type: work, needs: t, retry: 3}\n", "3:36", "bad-value", "a mapping"),
    "a misspelt field of retry": (
        HEAD + "  w: {type: work, needs: t, retry: {attempt: 3}}\n",
        "3:37",
        "unknown-field",
        "did you mean 'attempts'?",
    ),
    "a retry without a try": (
        HEAD + "  w: {type: work, needs: t, retry: {attempts: 0}}\n",
        "3:47",
        "bad-value",
        "at least 1",
    ),
    "a delay that is no duration": (
        HEAD + "  w: {type: work, needs: t, retry: {delay: soon}}\n",
        "3:44",
        "bad-value",
        "a duration is",
    ),
    "a timeout of nothing": (HEAD + "  w: {type: work, needs: t, timeout: 0}\n", "3:38", "bad-value", "more than 0"),
    "a retry of a producer": ("nodes:\n  t: {type: tick, retry: {attempts: 2}}\n", "2:19", "no-retry", "asked again"),
    "a misspelt field of a node": (HEAD + "  w: {type: work, need: t, needs: t}\n", "3:19", "unknown-field", "'needs'"),
    "an unknown loop option": ("nodes:\n  t: {type: tick, loop: {pol: thread}}\n", "2:26", "unknown-field", "'pool'"),
    "no nodes": ("name: x\n", "1:1", "missing-field", "'nodes'"),
    "nodes that are a list": ("nodes:\n  - {id: t}\n", "2:3", "bad-value", "mapping"),
    "no node at all": ("name: x\nnodes: {}\n", "2:1", "no-producer", "producer"),
    "a node without a type": (HEAD + "  w:\n    needs: t\n", "3:3", "missing-field", "'type'"),
    "a type that is a number": (HEAD + "  w: {type: 5, needs: t}\n", "3:13", "bad-value", "text"),
    "an id with a dot": (HEAD + "  w.x: {type: work, needs: t}\n", "3:3", "bad-id", "w.x"),
    "an id with a final newline": (HEAD + '  "w\\n": {type: work, needs: t}\n', "3:3", "bad-id", "\\n"),
    "a workflow name with a dot": ("name: a.b\n" + HEAD, "1:7", "bad-name", "a.b"),
    "a title that is a list": (HEAD + "  w: {type: work, needs: t, title: [x]}\n", "3:36", "bad-value", "title"),
    "needs that are a mapping": (HEAD + "  w: {type: work, needs: {t: 1}}\n", "3:26", "bad-value", "list of ids"),
    "a need that is a number": (HEAD + "  w: {type: work, needs: [t, 7]}\n", "3:30", "bad-value", "needs[1]"),
    "a config that is a list": (
        HEAD + "  w:\n    type: work\n    needs: t\n    config: [1]\n",
        "6:13",
        "bad-value",
        "map",
    ),
    "an unknown pool": ("nodes:\n  t: {type: tick, loop: {pool: threads}}\n", "2:32", "bad-value", "did you mean"),
    "an unknown on_error": ("nodes:\n  t: {type: tick, loop: {on_error: skip}}\n", "2:36", "bad-value", "'pause'"),
    "max_in_flight of zero": ("nodes:\n  t: {type: tick, loop: {max_in_flight: 0}}\n", "2:41", "bad-value", "least 1"),
    "autostart in words": ("nodes:\n  t: {type: tick, loop: {autostart: yes}}\n", "2:37", "bad-value", "true or false"),
    "a duplicate node": (HEAD + "  t: {type: tick}\n", "3:3", "duplicate-key", "line 2"),
    "an unknown type": (HEAD + "  w: {type: wrok, needs: t}\n", "3:13", "unknown-node", "did you mean 'work'"),
    "a type like no other": (HEAD + "  w: {type: zzz, needs: t}\n", "3:13", "unknown-node", "'zzz'"),
    "a blocked type": (HEAD + "  w: {type: twice, needs: t}\n", "3:13", "ambiguous-node", "a.py and b.py"),
    "an unknown setting": (HEAD + "  w: {type: work, needs: t, config: {szie: 1}}\n", "3:38", "unknown-field", "size"),
    "a setting of a wrong type": (
        HEAD + "  w: {type: work, needs: t, config: {size: x}}\n",
        "3:44",
        "bad-config",
        "size",
    ),
    "a wrong setting deep inside": (
        HEAD + "  w:\n    type: work\n    needs: t\n    config:\n      options:\n        a: 1\n        b: no\n",
        "9:12",
        "bad-config",
        "",
    ),
    "a missing setting": (HEAD + "  i:\n    type: if\n    needs: t\n    config: {}\n", "6:5", "bad-config", "when"),
    "a template that does not parse": (
        HEAD + '  w: {type: work, needs: t, config: {label: "{{ data. }}"}}\n',
        "3:45",
        "bad-template",
        "",
    ),
    "an unquoted template": (
        HEAD + "  w:\n    type: work\n    needs: t\n    config:\n      label: {{ data.x }}\n",
        "7:14",
        "unquoted-template",
        '"{{ data.x }}"',
    ),
    "an unset variable": (
        HEAD + "  w: {type: work, needs: t, config: {label: '${X}'}}\n",
        "3:45",
        "unset-variable",
        "X",
    ),
    "a secret": (HEAD + "  w: {type: work, needs: t, config: {label: '${secret:}'}}\n", "3:45", "bad-secret", "names"),
    "an unknown need": (HEAD + "  work: {type: work, needs: wrok}\n", "3:29", "unknown-need", "'wrok'"),
    "a misspelt need": (
        HEAD + "  work: {type: work, needs: t}\n  b: {type: work, needs: [t, wrok]}\n",
        "4:30",
        "unknown-need",
        "did you mean 'work'",
    ),
    "a need on itself": (HEAD + "  w: {type: work, needs: [t, w]}\n", "3:30", "self-need", "itself"),
    "a need twice": (HEAD + "  w: {type: work, needs: [t, t]}\n", "3:30", "duplicate-need", "twice"),
    "a port of no conditional": (HEAD + "  w: {type: work, needs: t.yes}\n", "3:26", "unknown-port", "no conditional"),
    "an unknown port": (
        HEAD + "  f: {type: fork, needs: t}\n  w: {type: work, needs: f.lefd}\n",
        "4:26",
        "unknown-port",
        "did you mean 'left'",
    ),
    "an empty port": (
        HEAD + "  f: {type: fork, needs: t}\n  w: {type: work, needs: f.}\n",
        "4:26",
        "unknown-port",
        "''",
    ),
    "ports that fail": (HEAD + "  f: {type: fork, needs: t, config: {fail: true}}\n", "3:29", "bad-config", "no ports"),
    "a cycle": (
        HEAD + "  a: {type: work, needs: [t, c]}\n  b: {type: work, needs: a}\n  c: {type: work, needs: b}\n",
        "3:30",
        "cycle",
        "a → b → c → a",
    ),
    "a producer with needs": (HEAD + "  u: {type: tick, needs: t}\n", "3:26", "producer-needs", "producer"),
    "a reader that needs a worker": (
        HEAD + "  w: {type: work, needs: t}\n  r: {type: queue-reader, needs: w, config: {queue: /q}}\n",
        "4:34",
        "producer-needs",
        "queue-writers only",
    ),
    "a loop at a consumer": (HEAD + "  w: {type: work, needs: t, loop: {}}\n", "3:29", "loop-on-consumer", "producer"),
    "a workflow without a producer": ("nodes:\n  w: {type: work}\n", "1:1", "no-producer", "producer"),
    "a node that nothing reaches": (HEAD + "  w: {type: work}\n", "3:3", "unreachable", "'w'"),
    "a join across loops": (
        HEAD + "  u: {type: tick}\n  a: {type: work, needs: t}\n  w: {type: work, needs: [a, u]}\n",
        "5:30",
        "join-across-loops",
        "'t' and 'u'",
    ),
    "a batch of what reads no queue": (
        "nodes:\n  t: {type: tick, loop: {batch: {size: 5}}}\n",
        "2:33",
        "no-batch",
        "give the queue's reader the `batch`",
    ),
    "a batch without a size": (
        "nodes:\n  t: {type: queue-reader, config: {queue: /q}, loop: {batch: {age: 1s}}}\n",
        "2:55",
        "missing-field",
        "'size'",
    ),
    "a pool below a demand": (
        "nodes:\n  t: {type: tick, loop: {pool: asyncio}}\n  w: {type: heavy-work, needs: t}\n",
        "2:32",
        "pool",
        "'w', which needs 'thread'",
    ),
    "a queue name with a dot": (
        HEAD + "  q: {type: queue-writer, needs: t, config: {queue: a.b}}\n",
        "3:53",
        "bad-queue",
        "",
    ),
    "a queue name with a template": (
        HEAD + "  q: {type: queue-writer, needs: t, config: {queue: 'x-{{ data.id }}'}}\n",
        "3:53",
        "bad-queue",
        "can't hold a template",
    ),
    "a writer without a queue": (HEAD + "  q: {type: queue-writer, needs: t}\n", "3:3", "no-queue", "'q'"),
    "a reader without a queue": (HEAD + "  r: {type: queue-reader}\n", "3:3", "no-queue", "'r'"),
    "two queues on one edge": (
        HEAD
        + "  q: {type: queue-writer, needs: t, config: {queue: /a}}\n"
        + "  r: {type: queue-reader, needs: q, config: {queue: /b}}\n",
        "4:34",
        "queue-conflict",
        "'/a' and '/b'",
    ),
    "two writers of different queues before one reader": (
        HEAD
        + "  p: {type: queue-writer, needs: t, config: {queue: /a}}\n"
        + "  q: {type: queue-writer, needs: t, config: {queue: /b}}\n"
        + "  r: {type: queue-reader, needs: [p, q]}\n",
        "5:38",
        "queue-conflict",
        "'q'",
    ),
    "a queue without a reader": (
        HEAD + "  q: {type: queue-writer, needs: t, config: {queue: a}}\n",
        "3:53",
        "queue-without-reader",
        "'w.a'",
    ),
    "a queue without a writer": (
        "nodes:\n  r: {type: queue-reader, config: {queue: a}}\n",
        "2:43",
        "queue-without-writer",
        "'w.a'",
    ),
}


@pytest.mark.parametrize(("text", "place", "code", "word"), BROKEN.values(), ids=BROKEN.keys())
def test_one_mistake_is_one_problem_at_its_place(one, registry_with, text, place, code, word):
    registry = registry_with(blocked={"twice": "it is defined more than once: a.py and b.py"})
    plans, problems = one(text, registry=registry)
    found = [(f"{p.line}:{p.column}", p.code) for p in problems]
    assert found == [(place, code)], "\n".join(map(str, problems))
    message = problems[0].message
    assert word in message
    assert "\n" not in message
    assert not message.endswith(".")
    assert bool(plans) == (problems[0].severity == "warning")


def test_all_problems_of_a_file_are_reported_at_once(one):
    plans, problems = one(
        "name: a.b\nnodes:\n"
        "  t: {type: tik, colour: red}\n"
        "  a: {type: work, needs: tt, config: {size: x, label: '${NO}'}}\n"
        "  b: {type: fork, needs: [t, b], loop: {}}\n"
        "  c: {type: work, needs: b.up}\n"
    )
    assert plans == {}
    assert [(p.line, p.code) for p in problems] == [
        (1, "bad-name"),
        (3, "unknown-node"),
        (3, "unknown-field"),
        (4, "unknown-need"),
        (4, "unset-variable"),
        (5, "self-need"),
        (5, "loop-on-consumer"),
        (6, "unknown-port"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        # the misspelt node could be the producer, the reader of the ring, or the other end of the queue
        "nodes:\n  t: {type: tikc}\n  w: {type: work, needs: t}\n",
        "nodes:\n  r: {type: queue-raeder, needs: q, config: {queue: a}}\n  q: {type: queue-writer, needs: r}\n",
        "nodes:\n  t: {type: tick}\n  q: {type: queue-writer, needs: t}\n  r: {type: queue-raeder, needs: q}\n",
        "nodes:\n  r: {type: queue-reader, needs: q}\n  t: {type: tick}\n  q: {type: queue-wirter, needs: t}\n",
        "nodes:\n  r: {type: queue-raeder, config: {queue: a}}\n  t: {type: tick}\n"
        "  q: {type: queue-writer, needs: t, config: {queue: a}}\n",
        "nodes:\n  t: {needs: []}\n  w: {type: work, needs: t}\n",
        "nodes:\n  t: {type: tick}\n  w: {type: work, needs: nothing}\n  v: {type: work, needs: w}\n",
        "nodes:\n  t: {type: tick}\n  f: {type: fork, needs: t, config: {extra: 1}}\n  w: {type: work, needs: f.up}\n",
    ],
)
def test_one_mistake_brings_no_others_along(one, text):
    _, problems = one(text)
    assert len(problems) == 1, "\n".join(map(str, problems))


def test_every_circle_is_named(one):
    _, problems = one(
        "nodes:\n  t: {type: tick}\n"
        "  a: {type: work, needs: [t, b]}\n  b: {type: work, needs: a}\n"
        "  c: {type: work, needs: [t, d]}\n  d: {type: work, needs: c}\n"
    )
    assert [(p.line, p.code) for p in problems] == [(3, "cycle"), (5, "cycle")]
    assert "c → d → c" in problems[1].message
