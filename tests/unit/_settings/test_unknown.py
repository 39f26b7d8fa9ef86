import os

import pytest

from celery._settings.unknown import unknown_settings


def names(source, namespace=None):
    return [(found.name, found.suggestion) for found in unknown_settings(source, namespace)]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("task_serialiser", "task_serializer"),
        ("worker_prefetch_multiplyer", "worker_prefetch_multiplier"),
        ("broker_ulr", "broker_url"),
        ("database_engine_option", "database_engine_options"),
        ("CELERYD_CONCURENCY", "CELERYD_CONCURRENCY"),
        ("task_zzz", None),
    ],
)
def test_a_misspelt_setting_is_found(name, meant):
    assert names({name: 1, "broker_url": "x"}) == [(name, meant)]


@pytest.mark.parametrize(
    "name",
    [
        "task_serializer", "CELERYD_CONCURRENCY", "result_backend_thread_safe", "worker_logfile",
        "redis_backend_health_check_interval", "redbeat_redis_url", "ONCE", "CELERY_ONCE",
        "DJANGO_CELERY_BEAT_TZ_AWARE", "flower_port", "beat_dburi", "mongodb_scheduler_url",
        "mine", "database_host", "cache_timeout", "SECRET_KEY", "DATABASES", "EVENT_LOG", "_task_x",
    ],
)  # fmt: skip
def test_settings_of_ours_and_of_others_are_passed_over(name):
    assert names({name: 1}) == []


def test_modules_and_functions_of_a_configuration_module_are_passed_over():
    assert names({"task_os": os, "task_helper": names, "task_routez": ["x"]}) == [
        ("task_routez", "task_routes")
    ]


def test_in_a_namespace_names_are_judged_without_it():
    source = {
        "CELERY_TASK_SERIALISER": 1,
        "CELERY_BROKER_URL": 1,
        "CELERY_REDBEAT_LOCK_KEY": 1,
        "CELERYD_CONCURRENCY": 1,
        "CELERY_TASK_RESULT_EXPIRES": 1,
        "TASK_UNRELATED": 1,
    }
    assert names(source, "CELERY") == [("CELERY_TASK_SERIALISER", "CELERY_TASK_SERIALIZER")]
    assert names({"celery_broker_ulr": 1}, "celery") == [("celery_broker_ulr", "celery_broker_url")]


def test_values_of_known_settings_are_not_read():
    class Lazy(dict):
        def __getitem__(self, key):
            raise AssertionError(f"{key} was read")

    assert names(Lazy(task_serializer="json", SECRET_KEY="x")) == []


def test_the_message_names_the_setting_and_what_was_meant():
    (found,) = unknown_settings({"broker_ulr": 1})
    assert str(found) == "Celery has no setting 'broker_ulr'.  Did you mean 'broker_url'?"
