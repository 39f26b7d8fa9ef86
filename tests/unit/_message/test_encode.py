"""Protocol 2 and 1 as captured from Celery 5.7 on the wire."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from kombu.serialization import dumps

from celery._message.call import TaskCall
from celery._message.encode import encode_v2
from celery._message.v1 import encode_v1, v1_to_v2

ID = "11111111-1111-1111-1111-111111111111"

CAPTURED_BODY = (
    "W1syLCAzXSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwg"
    "ImNoYWluIjogbnVsbCwgImNob3JkIjogbnVsbH1d"
)
CAPTURED_HEADERS = (
    '{"lang":"py","task":"capapp.add","id":"11111111-1111-1111-1111-111111111111","shadow":null,'
    '"eta":null,"expires":null,"group":null,"group_index":null,"retries":0,"timelimit":[null,null],'
    '"root_id":"11111111-1111-1111-1111-111111111111","parent_id":null,"argsrepr":"(2, 3)",'
    '"kwargsrepr":"{}","origin":"gen9148@vm","ignore_result":false,"replaced_task_nesting":0,'
    '"stamped_headers":null,"stamps":{}}'
)


def test_a_plain_call_is_equal_to_the_captured_one_byte_for_byte() -> None:
    call = TaskCall(
        task_id=ID, name="capapp.add", args=(2, 3), kwargs={}, reply_to="r", origin="gen9148@vm"
    )
    message = encode_v2(call)
    assert json.dumps(message.headers, separators=(",", ":")) == CAPTURED_HEADERS
    content_type, encoding, body = dumps(message.body, serializer="json")
    assert (content_type, encoding) == ("application/json", "utf-8")
    assert base64.b64encode(body.encode()).decode() == CAPTURED_BODY
    assert message.properties == {"correlation_id": ID, "reply_to": "r"}


def test_every_option_has_its_header() -> None:
    eta = datetime(2026, 11, 21, 1, 12, 53, 796326, UTC)
    call = TaskCall(
        task_id="x",
        name="m.add",
        eta=eta,
        expires=datetime(2026, 11, 22, tzinfo=UTC),
        time_limit=30,
        soft_time_limit=20,
        group_id="g",
        group_index=3,
        root_id="root",
        parent_id="parent",
        shadow="sh",
        ignore_result=True,
        retries=2,
        replaced_task_nesting=1,
        stamped_headers=["mystamp"],
        stamps={"mystamp": "v1"},
        headers={"custom": 1},
    )
    headers = encode_v2(call).headers
    assert headers["eta"] == "2026-11-21T01:12:53.796326+00:00"
    assert headers["expires"] == "2026-11-22T00:00:00+00:00"
    assert headers["timelimit"] == [30, 20], "hard, then soft"
    assert (headers["group"], headers["group_index"]) == ("g", 3)
    assert (headers["root_id"], headers["parent_id"]) == ("root", "parent")
    assert (headers["shadow"], headers["ignore_result"], headers["retries"]) == ("sh", True, 2)
    assert (headers["stamped_headers"], headers["stamps"]) == (["mystamp"], {"mystamp": "v1"})
    assert headers["custom"] == 1


def test_the_callers_headers_win_over_the_standard_ones() -> None:
    call = TaskCall(task_id="x", name="m.add", headers={"lang": "other"})
    assert encode_v2(call).headers["lang"] == "other"


def test_embed_lists_what_follows() -> None:
    call = TaskCall(
        task_id="x", name="m.add", callbacks=({"task": "a"},), chain=[{"task": "b"}], chord=None
    )
    assert encode_v2(call).body[2] == {
        "callbacks": [{"task": "a"}],
        "errbacks": None,
        "chain": [{"task": "b"}],
        "chord": None,
    }


def test_the_fields_of_the_sent_event() -> None:
    event = encode_v2(TaskCall(task_id="x", name="m.add", args=(1,)), sent_event=True).sent_event
    assert event == {
        "uuid": "x",
        "root_id": "x",
        "parent_id": None,
        "name": "m.add",
        "args": "(1,)",
        "kwargs": "{}",
        "retries": 0,
        "eta": None,
        "expires": None,
    }


def test_protocol_1_as_captured() -> None:
    message = encode_v1(
        TaskCall(
            task_id="v1",
            name="capapp.add",
            args=[2, 3],
            kwargs={},
            eta=datetime(2026, 11, 21, 1, 11, 58, 818198, UTC),
        )
    )
    assert message.headers == {}
    assert json.dumps(message.body, separators=(",", ":")) == (
        '{"task":"capapp.add","id":"v1","args":[2,3],"kwargs":{},"group":null,"group_index":null,'
        '"retries":0,"eta":"2026-11-21T01:11:58.818198+00:00","expires":null,"utc":true,'
        '"callbacks":null,"errbacks":null,"timelimit":[null,null],"taskset":null,"chord":null}'
    )


def test_protocol_1_reads_as_protocol_2() -> None:
    message = encode_v1(
        TaskCall(task_id="v1", name="m.add", args=[2], kwargs={"y": 3}, group_id="g")
    )
    (args, kwargs, embed), headers = v1_to_v2(message.body)
    assert (args, kwargs) == ([2], {"y": 3})
    assert embed == {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    assert (headers["task"], headers["id"], headers["group"]) == ("m.add", "v1", "g")
    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("[2]", "{'y': 3}")
