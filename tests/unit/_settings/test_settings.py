import copy
import pickle
import types
from unittest import mock

import pytest

from celery._settings import Settings, Style, default_values
from celery.exceptions import CDeprecationWarning


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND"):
        monkeypatch.delenv(f"CELERY_{name}", raising=False)


def settings(configuration=None, *, prefix=None, **changes):
    return Settings(changes, [configuration or {}, default_values()], prefix=prefix)


# Reading


def test_changes_stand_above_the_configuration_and_that_above_the_defaults():
    conf = settings({"task_serializer": "yaml", "worker_concurrency": 3}, worker_concurrency=5)
    assert (conf.worker_concurrency, conf.task_serializer, conf.broker_heartbeat) == (
        5,
        "yaml",
        120,
    )
    conf.add_defaults({"task_serializer": "pickle", "worker_concurrency": 7, "zork": 1})
    assert (conf.worker_concurrency, conf.task_serializer, conf.zork) == (5, "pickle", 1)


def test_a_setting_is_found_under_its_new_and_its_old_name():
    for conf in (settings({"worker_concurrency": 3}), settings({"CELERYD_CONCURRENCY": 3})):
        assert conf.worker_concurrency == conf.CELERYD_CONCURRENCY == 3
        assert conf["worker_concurrency"] == conf["CELERYD_CONCURRENCY"] == 3
        assert conf.get("worker_concurrency") == conf.get("CELERYD_CONCURRENCY") == 3
        assert "worker_concurrency" in conf and "CELERYD_CONCURRENCY" in conf
        assert "celeryd_concurrency" not in conf and "WORKER_CONCURRENCY" not in conf


def test_what_is_not_there():
    conf = settings()
    assert conf.get("nope", 3) == 3
    assert "nope" not in conf and 3 not in conf
    with pytest.raises(KeyError, match="nope"):
        conf["nope"]
    with pytest.raises(AttributeError, match="There is no setting 'nope'"):
        conf.nope  # noqa: B018
    assert conf.get("result_backend_thread_safe") is None


def test_names_in_a_namespace():
    conf = settings(
        {
            "CELERY_BROKER_URL": "prefixed",
            "BROKER_URL": "bare",
            "CELERYD_POOL": "solo",
            "CELERY_MINE": 1,
            "OTHER": 2,
        },
        prefix="CELERY",
    )
    assert conf.broker_url == conf.BROKER_URL == conf["CELERY_BROKER_URL"] == "prefixed"
    assert conf.worker_pool == "solo"
    assert conf.mine == conf.MINE == conf.CELERY_MINE == 1
    assert conf.OTHER == 2
    assert settings({"celery_task_serializer": "yaml"}, prefix="celery").task_serializer == "yaml"
    assert settings({"APP_BROKER_URL": "x"}, prefix="APP_").broker_url == "x"


def test_the_environment_stands_above_all(monkeypatch):
    conf = settings({"broker_url": "configured", "broker_read_url": "r"}, result_backend="changed")
    monkeypatch.setenv("CELERY_BROKER_URL", "env")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "envresults")
    assert conf.broker_url == conf["broker_url"] == conf.BROKER_URL == "env"
    assert conf.broker_write_url == "env"
    assert conf.broker_read_url == "r"
    assert conf.result_backend == "envresults"
    assert conf.value_set_for("broker_url")
    assert settings().table() == {"broker_url": "env", "result_backend": "envresults"}
    monkeypatch.setenv("CELERY_BROKER_READ_URL", "envread")
    assert conf.broker_read_url == "envread"
    monkeypatch.setenv("CELERY_BROKER_URL", "")
    assert conf.broker_url == "configured"


def test_attributes_that_stand_in_for_unset_settings():
    conf = settings({"broker_url": "u", "TIME_ZONE": "Europe/Oslo"}, task_default_queue="q")
    assert conf.broker_read_url == conf.broker_write_url == conf.BROKER_READ_URL == "u"
    assert conf.task_default_exchange == conf.task_default_routing_key == "q"
    assert conf.timezone == "Europe/Oslo"
    assert conf["task_default_exchange"] is conf["timezone"] is None
    conf.timezone = "Asia/Tokyo"
    conf.task_default_exchange = ""
    assert conf.timezone == "Asia/Tokyo"
    assert conf.task_default_exchange == ""
    assert settings({"broker_host": "h"}).broker_url == "h"
    assert settings().broker_url is settings().timezone is None


def test_finding_a_setting_by_parts_of_its_name():
    conf = settings({"result_serializer": "yaml"})
    found = conf.find_option("concurrency")
    assert (found.namespace, found.key, found.type.default) == ("worker", "concurrency", None)
    assert conf.find_option("serializer", "result").namespace == "result"
    assert conf.find_option("result_serializer").key == "result_serializer"
    assert conf.find_option("TIMEZONE").namespace is None
    assert conf.find_value_for_key("serializer", "result") == "yaml"
    assert conf.find_value_for_key("heartbeat") == 120
    assert conf.get_by_parts("result", "serializer") == conf.get_by_parts("result_serializer")
    for unknown in ("nope", "timezone_x", "worker_nope"):
        with pytest.raises(KeyError, match=unknown):
            conf.find_option(unknown)


def test_first_of_several():
    conf = settings(worker_concurrency=0)
    assert conf.first("timezone", "nope", "worker_concurrency", "task_serializer") == 0
    assert conf.first("timezone", "nope") is None


def test_value_set_for():
    conf = settings({"task_serializer": "json"})
    assert conf.value_set_for("task_serializer") and conf.value_set_for("CELERY_TASK_SERIALIZER")
    assert not conf.value_set_for("broker_url")
    conf.broker_url = "x"
    assert conf.value_set_for("BROKER_URL")


# Writing


def test_the_last_write_counts_whichever_name_was_used():
    conf = settings({"CELERY_WORKER_CONCURRENCY": 1}, prefix="CELERY")
    for name in ("worker_concurrency", "CELERYD_CONCURRENCY", "CELERY_WORKER_CONCURRENCY"):
        conf[name] = name
        assert conf.worker_concurrency == conf.CELERYD_CONCURRENCY == name
        assert dict(conf.changes) == {name: name}


def test_changes_can_be_taken_back():
    conf = settings({"task_serializer": "yaml"})
    conf.task_serializer = "json"
    del conf.CELERY_TASK_SERIALIZER
    assert conf.task_serializer == "yaml"
    with pytest.raises(KeyError):
        del conf["task_serializer"]
    with pytest.raises(AttributeError):
        del conf.task_serializer
    conf.update({"a": 1}, b=2)
    assert (conf.pop("a"), conf.pop("a", None), conf.popitem()) == (1, None, ("b", 2))
    with pytest.raises(KeyError):
        conf.pop("task_serializer")
    conf.zork = 1
    conf.clear()
    assert "zork" not in conf and conf.task_serializer == "yaml"
    assert conf.setdefault("zork", 5) == conf.zork == 5


def test_names_of_its_own_cannot_be_overwritten_by_accident():
    conf = settings()
    for name in ("changes", "table", "_changes", "_x"):
        with pytest.raises(AttributeError, match=name):
            setattr(conf, name, {})


def test_callbacks_are_told_of_updates():
    conf = settings()
    seen = mock.Mock()
    conf.bind_to(seen)
    conf.update({"a": 1}, b=2)
    seen.assert_called_once_with({"a": 1}, b=2)


def test_a_setting_can_be_patched_in_a_test():
    conf = settings()
    with mock.patch.object(conf, "task_always_eager", True):
        assert conf.task_always_eager is True
    assert conf.task_always_eager is False
    assert "task_always_eager" not in conf.changes


# As a whole


def test_as_a_mapping():
    conf = settings({"mine": 1}, task_serializer="yaml")
    assert len(conf) == len(list(conf)) == 208
    assert list(conf)[:2] == ["accept_content", "result_accept_content"]
    assert dict(conf)["task_serializer"] == dict(conf.items())["task_serializer"] == "yaml"
    assert conf == settings({"mine": 1, "task_serializer": "yaml"})
    assert {"mine", "task_serializer", "table"} <= {*dir(conf), "mine"}


def test_table_shows_what_was_set_without_secrets():
    conf = settings(
        {"broker_url": "redis://u:secret@h", "_private": 1, "os": types}, security_key="secret"
    )
    shown = {"broker_url": "redis://u:********@h", "os": types, "security_key": "********"}
    assert conf.table() == shown
    assert conf.table(censored=False)["security_key"] == "secret"
    assert conf.table(with_defaults=True)["worker_pool"] == "prefork"
    assert conf.humanize().splitlines()[0] == "broker_url: 'redis://u:********@h'"
    assert "secret'" not in repr(conf)
    assert dict(settings({"a": 1}, b=2).without_defaults()) == {"a": 1, "b": 2}


def test_copies_are_changed_apart():
    conf = settings({"task_serializer": "yaml"}, worker_concurrency=1)
    for other in (conf.copy(), copy.copy(conf), copy.deepcopy(conf)):
        other.worker_concurrency = 2
        assert (conf.worker_concurrency, other.task_serializer) == (1, "yaml")


def test_pickled_settings_keep_their_layers():
    module = types.ModuleType("celeryconfig")
    module.os = types
    module.CELERY_WORKER_CONCURRENCY = 4
    conf = settings(vars(module), prefix="CELERY", task_serializer="yaml")
    again = pickle.loads(pickle.dumps(conf))
    assert (again.worker_concurrency, again.task_serializer) == (4, "yaml")
    assert again.changes == {"task_serializer": "yaml"}
    assert again.prefix == "CELERY_"
    assert "os" not in again


def test_deprecated_names_are_warned_of():
    conf = Settings({}, [default_values(Style.OLD)], deprecated_settings={"BROKER_URL"})
    with pytest.warns(CDeprecationWarning, match="BROKER_URL is now named broker_url"):
        assert conf.maybe_warn_deprecated_settings() is True
    assert settings().maybe_warn_deprecated_settings() is False
