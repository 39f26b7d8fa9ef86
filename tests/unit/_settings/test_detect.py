import pytest

from celery._settings import OLD_TO_NEW, Style
from celery._settings.detect import detect_style
from celery.exceptions import ImproperlyConfigured


@pytest.mark.parametrize(
    ("keys", "style"),
    [
        ([], Style.NEW),
        (["broker_url", "mine", "CELERY_MINE"], Style.NEW),
        (["BROKER_URL", "CELERY_MINE", "mine"], Style.OLD),
        (["CELERY_TASK_SERIALIZER", "task_serializer", "broker_url"], Style.NEW),
        (["CELERY_TASK_SERIALIZER", "task_serializer", "BROKER_URL"], Style.OLD),
        (["mine"], Style.NEW),
        ([3, "BROKER_URL"], Style.OLD),
    ],
)
def test_the_majority_decides(keys, style):
    assert detect_style(keys) is style


@pytest.mark.parametrize(
    ("keys", "old", "new"),
    [
        (["broker_url", "CELERYD_CONCURRENCY"], "CELERYD_CONCURRENCY", "worker_concurrency"),
        (["ENABLE_UTC", "timezone", "broker_url"], "ENABLE_UTC", "enable_utc"),
    ],
)
def test_old_names_among_new_ones_are_listed_with_their_new_names(keys, old, new):
    with pytest.raises(ImproperlyConfigured, match=rf"(?m)^{old} +-> {new}$"):
        detect_style(keys)


def test_new_names_among_old_ones_are_listed_with_their_old_names():
    keys = ["CELERYD_CONCURRENCY", "CELERY_TASK_SERIALIZER", "broker_url"]
    with pytest.raises(ImproperlyConfigured, match=r"(?m)^broker_url +-> BROKER_URL$") as caught:
        detect_style(keys)
    assert "worker_concurrency" not in str(caught.value)


def test_every_pair_of_names_is_told_apart():
    for old, new in OLD_TO_NEW.items():
        assert detect_style([old]) is Style.OLD
        assert detect_style([new]) is Style.NEW
