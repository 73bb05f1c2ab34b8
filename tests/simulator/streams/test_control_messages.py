"""Control messages: replies and error texts."""

from typing import Any

import orjson
import pytest

from cq_tui.simulator.streams.control_messages import MAX_STREAMS, handle_control_message
from cq_tui.simulator.streams.subscriber import Subscriber
from tests.simulator.streams.stage import FakeConnection


class Subscriptions:
    """Records names on the subscriber, as the hub does."""

    def subscribe(self, subscriber: Subscriber, name: str) -> None:
        subscriber.streams[name] = None

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        subscriber.streams.pop(name, None)


def ask(subscriber: Subscriber, text: str) -> Any:
    return orjson.loads(handle_control_message(Subscriptions(), subscriber, text))


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber(FakeConnection(), combined=False)


@pytest.mark.parametrize("number", [1, -5, 2**63 - 1, None, "abc", "9b2c7d1e-0f63-4a2b-8c5d-1e2f3a4b5c6d", "x" * 36])
def test_ids_are_echoed(subscriber: Subscriber, number: Any) -> None:
    request = orjson.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}).decode()
    assert ask(subscriber, request) == {"result": [], "id": number}


@pytest.mark.parametrize("number", ["true", "1.5", "[]", '"' + "x" * 37 + '"'])
def test_other_ids_are_rejected(subscriber: Subscriber, number: str) -> None:
    reply = ask(subscriber, f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
    assert set(reply) == {"error"}, "there is no id to answer to"
    assert reply["error"]["code"] == 2
    assert "request ID must be" in reply["error"]["msg"]


def test_subscribe_unsubscribe_and_list(subscriber: Subscriber) -> None:
    done = {"result": None, "id": 1}
    assert ask(subscriber, '{"method":"SUBSCRIBE","params":["a@trade","b@trade"],"id":1}') == done
    assert ask(subscriber, '{"method":"UNSUBSCRIBE","params":["a@trade","c@trade"],"id":1}') == done
    assert ask(subscriber, '{"method":"LIST_SUBSCRIPTIONS","id":2}') == {"result": ["b@trade"], "id": 2}


def test_properties_are_set_and_returned(subscriber: Subscriber) -> None:
    assert ask(subscriber, '{"method":"GET_PROPERTY","params":["combined"],"id":1}') == {"result": False, "id": 1}
    assert ask(subscriber, '{"method":"SET_PROPERTY","params":["combined",true],"id":2}') == {"result": None, "id": 2}
    assert subscriber.combined
    assert ask(subscriber, '{"method":"GET_PROPERTY","params":["combined"],"id":3}') == {"result": True, "id": 3}


@pytest.mark.parametrize(
    ("request_text", "code", "message"),
    [
        ("nonsense", 3, "Invalid JSON: expected value at line 1 column 1"),
        ('{"method":}', 3, "Invalid JSON: expected value at line 1 column 11"),
        ("[]", 2, "Invalid request: expected a JSON object"),
        ('{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
        ('{"method":"DANCE","id":1}', 2, "Invalid request: unknown variant `DANCE`, expected one of `SUBSCRIBE`"),
        ('{"method":"SUBSCRIBE","params":"x","id":1}', 2, "Invalid request: params must be a list"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "Invalid request: stream name must be a string"),
        ('{"method":"GET_PROPERTY","params":["combined",true],"id":1}', 2, "Invalid request: too many parameters"),
        ('{"method":"SET_PROPERTY","params":["combined",1,2],"id":1}', 2, "Invalid request: too many parameters"),
        ('{"method":"GET_PROPERTY","params":[7],"id":1}', 2, "Invalid request: property name must be a string"),
        ('{"method":"GET_PROPERTY","id":1}', 2, "Invalid request: property name must be a string"),
        ('{"method":"GET_PROPERTY","params":["color"],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1, "Invalid value type: expected Boolean"),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 1, "Invalid value type: expected Boolean"),
    ],
)
def test_errors_have_code_and_text(subscriber: Subscriber, request_text: str, code: int, message: str) -> None:
    reply = ask(subscriber, request_text)
    assert set(reply) == ({"error", "id"} if '"id"' in request_text else {"error"})
    assert reply.get("id", 1) == 1
    assert reply["error"]["code"] == code
    assert reply["error"]["msg"].startswith(message)


def test_a_connection_has_1024_streams_at_most(subscriber: Subscriber) -> None:
    names = [f"s{number}@trade" for number in range(MAX_STREAMS)]
    full = orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).decode()
    assert ask(subscriber, full)["result"] is None
    assert ask(subscriber, full)["result"] is None, "the same ones again are no more"
    assert ask(subscriber, '{"method":"SUBSCRIBE","params":["one@more"],"id":2}')["error"]["code"] == 2
    assert len(subscriber.streams) == MAX_STREAMS


def test_six_frames_in_a_second_are_too_many() -> None:
    connection = FakeConnection()
    subscriber = Subscriber(connection, combined=False)
    for time in (0.0, 0.1, 0.2, 0.3, 0.4, 1.05):
        subscriber.count_frame(time)
    assert connection.closed_with is None
    subscriber.count_frame(1.08)
    assert connection.closed_with == (1008, "Too many requests")


@pytest.mark.parametrize("method", ["[" * 1_000 + "]" * 1_000, '{"a":' * 1_000 + "1" + "}" * 1_000, "null", "7"])
def test_a_method_that_is_not_a_string_is_rejected(subscriber: Subscriber, method: str) -> None:
    reply = ask(subscriber, f'{{"method":{method},"id":1}}')
    assert reply == {"error": {"code": 2, "msg": "Invalid request: method must be a string"}, "id": 1}


def test_long_stream_names_are_rejected(subscriber: Subscriber) -> None:
    request = orjson.dumps({"method": "SUBSCRIBE", "params": ["a" * 101], "id": 1}).decode()
    assert ask(subscriber, request)["error"]["code"] == 2
    assert not subscriber.streams
