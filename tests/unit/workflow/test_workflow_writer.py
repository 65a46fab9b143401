"""What is written as YAML reads well."""

from textwrap import dedent

from flowtui.workflow.writer import workflow_text


def test_a_workflow_is_written_as_people_write_it():
    nodes = {
        "tick": {"type": "interval", "config": {"every": "2s"}, "loop": {"pool": "thread"}, "needs": []},
        "say": {
            "config": {
                "message": 'it is "{{ data.n }}"',
                "url": "${URL}",
                "port": "8080",
                "plain": "a text, with commas",
                "old": "yes",
                "script": "if x:\n  go\n\nend\n",
                "blanks": "a \nb",
                "short": ["a", 1, True, None],
                "long": ["word " * 10, "word " * 10],
                "nested": [{"a": {}}],
            },
            "needs": ["tick"],
            "title": "Say it",
            "type": "log",
        },
        "read": {"type": "queue-reader", "needs": ["a.yes", "b"], "title": None},
    }
    text = workflow_text({"nodes": nodes}, "orders", [["tick", "say"], ["read"]], ["Mind\nthis"])
    assert text == dedent(
        """\
        # Mind
        # this
        name: orders
        nodes:
          tick:
            type: interval
            config:
              every: 2s
            loop:
              pool: thread
          say:
            type: log
            title: Say it
            needs: tick
            config:
              message: 'it is "{{ data.n }}"'
              url: "${URL}"
              port: '8080'
              plain: a text, with commas
              old: 'yes'
              script: |
                if x:
                  go

                end
              blanks: "a \\nb"
              short: [a, 1, true, null]
              long:
                - 'word word word word word word word word word word '
                - 'word word word word word word word word word word '
              nested:
                - a: {}

          read:
            type: queue-reader
            needs: [a.yes, b]
        """
    )


def test_equal_parts_are_written_twice_and_never_as_an_alias():
    shared = {"x": ["a" * 80]}
    text = workflow_text({"nodes": {"a": {"type": "t", "config": {"p": shared, "q": shared}}}}, "w", [["a"]])
    assert "&" not in text
    assert text.count("a" * 80) == 2
