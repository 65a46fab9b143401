"""Addresses and errors of stores."""

from __future__ import annotations

import pytest
import redis
from redis.exceptions import ClusterDownError

from flowtui.model.errors import StoreError, StoreUnavailable
from flowtui.storage.connection import translate, url_connector


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://user:secret@db.example:7000/3", "redis://db.example:7000/3"),
        ("redis://localhost", "redis://localhost:6379/0"),
        ("rediss://:secret@[::1]:7000", "rediss://[::1]:7000/0"),
        ("redis://h/2?password=secret&socket_timeout=1", "redis://h:6379/2"),
        ("unix:///run/my%20redis.sock?password=secret", "unix:///run/my redis.sock"),
    ],
)
def test_an_address_names_the_place_and_never_the_password(url, address):
    assert url_connector(url).address == address


@pytest.mark.parametrize("url", ["http://h", "redis://user:sec/ret@h:1/0", "redis://h?socket_timeout=secret"])
def test_an_address_that_cannot_be_read_is_refused_without_quoting_it(url):
    with pytest.raises(StoreError) as caught:
        url_connector(url)
    assert "sec" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_cannot_turn_on_what_would_break_the_queues():
    connector = url_connector("redis://h?decode_responses=true&retry_on_timeout=true&protocol=3&max_connections=2")
    with connector.client() as client:
        options = client.connection_pool.connection_kwargs
    assert options["decode_responses"] is False
    assert options["protocol"] == 2
    assert options["retry"]._retries == 0


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("Connection refused"),
        redis.TimeoutError(),
        redis.BusyLoadingError("Redis is loading the dataset in memory"),
        ClusterDownError("CLUSTERDOWN The cluster is down"),
        redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
        redis.ResponseError("UNBLOCKED force unblock from blocking operation"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
)
def test_what_may_pass_is_an_unavailable_store(error):
    meaning = translate(error, "redis://h:1/0")
    assert isinstance(meaning, StoreUnavailable)
    assert str(meaning).startswith("the store at redis://h:1/0 does not answer (")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (redis.ReadOnlyError("You can't write against a read only replica. script: 3085, on @user_script:92."), "repl"),
        (redis.ResponseError("Error running script (call to f_1): @user_script:1: -READONLY You can't"), "replica"),
        (redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'. script: 30, on @1."), "maxmemory"),
        (redis.ResponseError("Error running script (call to f_1): @user_script:1: -OOM command not"), "maxmemory"),
        (redis.AuthenticationError("Authentication required."), "wants a password"),
        (redis.ResponseError("Protocol error: unauthenticated multibulk length"), "wants a password"),
        (redis.AuthenticationError("invalid username-password pair or user is disabled."), "another password"),
    ],
)
def test_what_a_person_can_mend_is_an_unavailable_store_with_its_cause_in_plain_words(error, cause):
    meaning = translate(error, "redis://h:1/0")
    assert isinstance(meaning, StoreUnavailable)
    assert str(meaning).startswith("the store at redis://h:1/0 cannot serve now: it")
    assert cause in str(meaning)
    assert "script" not in str(meaning)


def test_what_will_not_pass_is_another_error():
    meaning = translate(redis.ResponseError("WRONGTYPE Operation against a key"), "redis://h:1/0")
    assert type(meaning) is StoreError
