import subprocess
import sys

from celery._settings import NEW_TO_OLD, OLD_TO_NEW, SETTINGS, Style, default_values
from celery._settings.convert import convert


def test_there_are_207_settings_and_each_has_a_name_of_its_own():
    assert len(SETTINGS) == 207
    assert len({setting.name for setting in SETTINGS}) == 207
    assert len({setting.old for setting in SETTINGS}) == 207
    assert {OLD_TO_NEW[old] for old in OLD_TO_NEW} == NEW_TO_OLD.keys()


def test_old_names_of_every_kind():
    assert NEW_TO_OLD["broker_url"] == "BROKER_URL"
    assert NEW_TO_OLD["task_serializer"] == "CELERY_TASK_SERIALIZER"
    assert NEW_TO_OLD["task_acks_late"] == "CELERY_ACKS_LATE"
    assert NEW_TO_OLD["worker_concurrency"] == "CELERYD_CONCURRENCY"
    assert NEW_TO_OLD["beat_schedule"] == "CELERYBEAT_SCHEDULE"
    assert NEW_TO_OLD["result_expires"] == "CELERY_TASK_RESULT_EXPIRES"
    assert NEW_TO_OLD["database_url"] == "CELERY_RESULT_DBURI"


def test_every_setting_says_what_it_is_for():
    for setting in SETTINGS:
        assert setting.doc.endswith("."), setting.name
        assert "  " not in setting.doc, setting.name


def test_defaults_are_of_the_type_declared_or_unset():
    checked = {"bool": bool, "dict": dict, "list": (list, tuple), "tuple": tuple}
    for setting in SETTINGS:
        if setting.default is not None and setting.type in checked:
            assert isinstance(setting.default, checked[setting.type]), setting.name


def test_default_values_are_the_callers_own():
    one, other = default_values(), default_values()
    one["beat_schedule"]["cleanup"] = {"task": "t"}
    one["task_publish_retry_policy"]["max_retries"] = 0
    assert other["beat_schedule"] == {}
    assert other["task_publish_retry_policy"]["max_retries"] == 3
    assert list(default_values(Style.OLD))[:2] == ["CELERY_ACCEPT_CONTENT", "RESULT_ACCEPT_CONTENT"]


def test_convert_knows_every_type_used():
    for setting in SETTINGS:
        value = b"" if setting.type == "bytes" else {} if setting.type == "dict" else "1"
        convert(value, setting.type)


def test_the_settings_are_light_to_import():
    heavy = "import sys, celery._settings; print([m for m in ('kombu', 'billiard', 'asyncio', "
    heavy += "'dataclasses', 'difflib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
