import threading
import warnings

import pytest

from celery._settings import Settings, default_values
from celery._settings.convert import parse_assignments
from celery.app._config import Configuration, PendingConfiguration
from celery.exceptions import ImproperlyConfigured, UnknownSettingWarning


class Loader:
    """Hands out mappings as if it had imported them."""

    def __init__(self, modules=None):
        self.modules = modules or {}
        self.conf = {}
        self.reads = 0

    def config_from_object(self, obj, silent=False):
        self.reads += 1
        if isinstance(obj, str):
            if obj not in self.modules:
                if silent:
                    return False
                raise ModuleNotFoundError(obj)
            obj = self.modules[obj]
        self.conf = obj
        return True

    def cmdline_config_parser(self, args, namespace="celery"):
        return parse_assignments(args, namespace)


@pytest.fixture
def loader():
    return Loader({"celeryconfig": {"task_serializer": "yaml", "worker_concurrency": 2}})


def configuration(loader, **kwargs):
    return Configuration(loader=lambda: loader, **kwargs)


# When


def test_nothing_is_read_before_a_setting_is(loader):
    config = configuration(loader, source="celeryconfig")
    config.settings.worker_concurrency = 3
    config.settings.update(mine=1)
    config.add_defaults({"task_serializer": "msgpack"})
    repr(config.settings)
    dir(config.settings)
    assert config.settings.changes == {"worker_concurrency": 3, "mine": 1}
    assert not hasattr(config.settings, "__wrapped__")
    assert loader.reads == 0 and not config.configured

    assert config.settings.task_serializer == "msgpack"
    assert config.settings.worker_concurrency == 3
    assert loader.reads == 1 and config.configured


@pytest.mark.parametrize(
    "reading",
    [
        lambda conf: conf["task_serializer"],
        lambda conf: conf.get("task_serializer"),
        lambda conf: conf.task_serializer,
        lambda conf: "task_serializer" in conf,
        lambda conf: list(conf),
        lambda conf: len(conf),
        lambda conf: conf.table(),
        lambda conf: conf.value_set_for("task_serializer"),
        lambda conf: conf.maps,
        lambda conf: conf.prefix == "",
        lambda conf: conf.finalize(),
        lambda conf: conf.data,
        lambda conf: conf.copy(),
    ],
)
def test_any_reading_reads_the_configuration_once(loader, reading):
    config = configuration(loader, source="celeryconfig")
    assert reading(config.settings)
    assert reading(config.settings)
    assert loader.reads == 1


def test_an_error_is_raised_each_time_until_it_is_mended(loader):
    config = configuration(loader, source="missing")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="missing"):
            config.settings.broker_url  # noqa: B018
    assert not config.configured
    loader.modules["missing"] = {"broker_url": "memory://"}
    assert config.settings.broker_url == "memory://"


def test_hooks_run_before_and_after(loader):
    seen = []

    def before():
        # What was written so far, and the defaults, can be read, and the source still be chosen.
        seen.append((config.settings.task_serializer, config.settings.mine, config.configured))
        config.settings.mine = 2
        config.from_object("celeryconfig")

    def after(settings):
        seen.append((settings.task_serializer, settings.mine, config.configured))
        settings.mine = 3

    config = configuration(loader, changes={"mine": 1}, before=before, after=after)
    assert config.settings.mine == 3
    assert seen == [("json", 1, False), ("yaml", 2, True)]


def test_threads_that_read_at_the_same_time_read_once():
    reading, go_on, reads, got = threading.Event(), threading.Event(), [], []

    def read():
        reads.append(1)
        reading.set()
        assert go_on.wait(10)
        return Settings({}, [{"task_serializer": "yaml"}, default_values()])

    conf = PendingConfiguration({}, read)
    threads = [threading.Thread(target=lambda: got.append(conf.task_serializer)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert reading.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (reads, got) == ([1], ["yaml"] * 4)


def test_a_pending_configuration_of_its_own():
    written = {"a": 1}
    conf = PendingConfiguration(written, lambda: Settings({"a": 2, "b": 3}, [{"c": 4}]))
    conf.d = 5
    assert written == {"a": 1, "d": 5}
    assert (conf.data.changes, conf.c) == ({"a": 1, "b": 3, "d": 5}, 4)


# From where


def test_the_last_source_counts_and_changes_are_kept(loader):
    config = configuration(loader, source="celeryconfig")
    conf = config.settings
    assert config.from_object({"task_serializer": "json"}, namespace="CELERY") is None
    assert config.namespace == "CELERY"
    assert conf.task_serializer == "json"
    conf.mine = 1
    assert config.from_object({"CELERY_TASK_SERIALIZER": "msgpack"}) is conf
    assert (conf.task_serializer, conf.mine, config.namespace) == ("msgpack", 1, "CELERY")


def test_force_reads_at_once(loader):
    config = configuration(loader)
    assert config.from_object("celeryconfig", force=True) is config.settings
    assert config.configured
    with pytest.raises(ModuleNotFoundError):
        config.from_object("missing", force=True)


def test_a_missing_module_can_be_done_without(loader):
    config = configuration(loader)
    config.from_object("missing", silent=True)
    assert config.settings.task_serializer == "json"


def test_without_a_source_the_loader_knows(loader):
    loader.conf = {"task_serializer": "pickle"}
    assert configuration(loader).settings.task_serializer == "pickle"
    loader.conf = None
    assert configuration(loader).settings.task_serializer == "json"


def test_the_module_named_by_a_variable(loader, monkeypatch):
    monkeypatch.setenv("PROJ_CONFIG", "celeryconfig")
    config = configuration(loader)
    assert config.from_envvar("PROJ_CONFIG") is None
    assert config.settings.worker_concurrency == 2
    monkeypatch.delenv("PROJ_CONFIG")
    assert config.from_envvar("PROJ_CONFIG", silent=True) is False
    with pytest.raises(ImproperlyConfigured, match="'PROJ_CONFIG'"):
        config.from_envvar("PROJ_CONFIG")


def test_the_command_line_changes_settings(loader):
    config = configuration(loader, source="celeryconfig")
    config.from_cmdline(["worker.concurrency=7", ".pool=solo"], namespace="worker")
    assert loader.reads == 0
    assert (config.settings.worker_concurrency, config.settings.worker_pool) == (7, "solo")


def test_added_defaults_are_kept_over_a_new_source(loader):
    config = configuration(loader)
    config.add_defaults(lambda: {"task_serializer": "pickle", "a": 1})
    config.add_defaults({"a": 2})
    assert (config.settings.task_serializer, config.settings.a) == ("pickle", 2)
    config.add_defaults({"b": 3})
    config.from_object({"b": 4, "c": 5})
    assert (config.settings.a, config.settings.b, config.settings.c) == (2, 3, 5)


# Names


def test_the_style_is_that_of_the_source_and_not_of_the_constructors_arguments(loader):
    old = {"BROKER_URL": "old://", "CELERY_TASK_SERIALIZER": "yaml"}
    config = configuration(
        loader, changes={"broker_url": "new://", "include": ["m"]}, constructor_keys={"broker_url"}
    )
    config.from_object(old)
    conf = config.settings
    assert (conf.broker_url, conf.BROKER_URL, conf.task_serializer) == ("new://", "new://", "yaml")
    assert conf.deprecated_settings == old.keys()
    assert next(iter(conf)) == "CELERY_ACCEPT_CONTENT"


def test_without_a_source_the_style_is_that_of_the_changes(loader):
    config = configuration(
        loader, changes={"broker_url": "u"}, constructor_keys={"broker_url", "include"}
    )
    config.settings["CELERY_TASK_SERIALIZER"] = "yaml"
    config.settings["CELERYD_CONCURRENCY"] = 3
    assert config.settings.task_serializer == "yaml"

    config = configuration(loader)
    config.settings["CELERY_TASK_SERIALIZER"] = "yaml"
    config.settings["worker_concurrency"] = 3
    with pytest.raises(ImproperlyConfigured, match="CELERY_TASK_SERIALIZER"):
        config.settings.finalize()


def test_a_namespace_has_no_styles(loader):
    source = {"CELERY_BROKER_URL": "u", "CELERYD_CONCURRENCY": 3, "task_serializer": "yaml"}
    config = configuration(loader, source=source, namespace="CELERY")
    conf = config.settings
    assert (conf.broker_url, conf.worker_concurrency, conf.task_serializer) == ("u", 3, "yaml")
    assert conf.deprecated_settings == {"CELERYD_CONCURRENCY"}


def test_an_unknown_setting_is_warned_of_once(loader):
    config = configuration(
        loader, source={"task_serialiser": "yaml"}, changes={"task_serialiser": "x"}
    )
    with pytest.warns(UnknownSettingWarning, match="Did you mean 'task_serializer'") as caught:
        config.settings.finalize()
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.from_object({"task_serialiser": "yaml"}, force=True)
