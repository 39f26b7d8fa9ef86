"""All documented signals are there, under their own names."""

from celery import signals
from celery.utils.dispatch import Signal


def test_names() -> None:
    assert len(signals.__all__) == 34
    for name in signals.__all__:
        signal = getattr(signals, name)
        assert isinstance(signal, Signal)
        assert signal.name == name


def test_a_receiver_is_told() -> None:
    seen: list[tuple[object, int]] = []

    def receiver(sender: object, result: int, **kwargs: object) -> None:
        seen.append((sender, result))

    signals.task_success.connect(receiver, sender="a-task")
    try:
        signals.task_success.send(sender="a-task", result=3, runtime=0.1)
        signals.task_success.send(sender="another", result=4, runtime=0.1)
    finally:
        signals.task_success.disconnect(receiver, sender="a-task")
    assert seen == [("a-task", 3)]
