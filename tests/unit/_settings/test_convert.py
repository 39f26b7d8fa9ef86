import pytest

from celery._settings.convert import convert, parse_assignments


@pytest.mark.parametrize(
    ("words", "namespace", "expected"),
    [
        (["task.acks_late=yes"], "celery", {"task_acks_late": True}),
        (["task_acks_late=off"], "celery", {"task_acks_late": False}),
        ([".prefetch_multiplier=7"], "worker", {"worker_prefetch_multiplier": 7}),
        ([".timezone=Europe/Oslo"], "celery", {"timezone": "Europe/Oslo"}),
        (["enable_utc=0"], "celery", {"enable_utc": False}),
        (["worker.concurrency=3"], "celery", {"worker_concurrency": 3}),
        (["worker.concurrency=auto"], "celery", {"worker_concurrency": "auto"}),
        (["broker.url=amqp://h?a=b"], "celery", {"broker_url": "amqp://h?a=b"}),
        (["BROKER_URL=redis://"], "celery", {"broker_url": "redis://"}),
        (["CELERYD_CONCURRENCY=2"], "celery", {"worker_concurrency": 2}),
        (["result.expires=(float)3"], "celery", {"result_expires": 3.0}),
        (
            ['task.annotations=(dict){"*": {"a": 1}}'],
            "celery",
            {"task_annotations": {"*": {"a": 1}}},
        ),
        (['imports=(tuple)["a", "b"]'], "celery", {"imports": ("a", "b")}),
        (["imports=a,b"], "celery", {"imports": ("a", "b")}),
        (['beat.schedule={"x": {"task": "t"}}'], "celery", {"beat_schedule": {"x": {"task": "t"}}}),
        (["worker.pidfile=w.pid"], "worker", {"worker_pidfile": "w.pid"}),
        (["my.own=(int)3", "my.word=(string)x"], "celery", {"my_own": 3, "my_word": "x"}),
    ],
)
def test_assignments_of_a_command_line(words, namespace, expected):
    assert parse_assignments(words, namespace) == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("worker.concurrency", "write it as name=value"),
        ("my.own=3", "There is no setting 'my_own'"),
        ("my.own=(zork)3", "unknown type 'zork'"),
        ("broker.pool_limit=many", "'broker_pool_limit': invalid literal for int"),
        ("task.acks_late=maybe", "'task_acks_late': 'maybe' is neither true nor false"),
        ("beat.schedule={", "'beat_schedule': "),
    ],
)
def test_a_bad_assignment_says_which_and_why(word, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_assignments([word])


def test_values_that_are_no_text_are_cast():
    assert convert([1, 2], "tuple") == (1, 2)
    assert convert(3, "float") == 3.0
    assert convert("secret", "bytes") == b"secret"
    assert convert("3", "any") == "3"
