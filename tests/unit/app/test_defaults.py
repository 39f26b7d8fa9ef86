import pytest

from celery.app import defaults
from celery.app.defaults import NAMESPACES, Namespace, Option, find, flatten
from celery.exceptions import CDeprecationWarning


def test_namespaces_hold_every_option():
    options = dict(flatten(NAMESPACES))
    assert options.keys() == defaults.DEFAULTS.keys() == defaults.SETTING_KEYS
    assert len(options) == 207
    assert {name: option.default for name, option in options.items()} == defaults.DEFAULTS
    assert NAMESPACES["timezone"] is options["timezone"]
    assert list(NAMESPACES)[:8] == [
        "accept_content", "result_accept_content", "enable_utc", "imports", "include", "timezone",
        "beat", "broker",
    ]  # fmt: skip


def test_an_option():
    option = NAMESPACES["broker"]["heartbeat"]
    assert (option.type, option.default, option.old) == ("int", 120, {"BROKER_HEARTBEAT"})
    assert option.to_python("30") == 30
    assert repr(option) == "<Option: type->int default->120>"
    assert Option(True, type="bool").to_python("no") is False
    with pytest.raises(ValueError, match="many"):
        option.to_python("many")


def test_find():
    assert find("heartbeat") == ("broker", "heartbeat", NAMESPACES["broker"]["heartbeat"])
    assert find("broker_heartbeat")[:2] == (None, "broker_heartbeat")
    assert find("serializer")[0] == "event"
    assert find("SERIALIZER", "task")[0] == "task"
    assert find("timezone")[:2] == (None, "timezone")
    with pytest.raises(KeyError, match="nope"):
        find("nope")


def test_extensions_can_describe_settings_of_their_own():
    mine = {"mine": Namespace({"celery_mine_{0}"}, size=Option(3, type="int"), name=Option())}
    assert [name for name, _ in flatten(mine)] == ["mine_size", "mine_name"]
    assert mine["mine"]["size"].old == {"celery_mine_size"}
    assert list(flatten(mine, keyfilter=lambda ns, key, option: [ns + key.upper()])) == [
        "mine_SIZE",
        "mine_NAME",
    ]


def test_deprecated_options_are_warned_of(monkeypatch):
    option = NAMESPACES["broker"]["host"]
    monkeypatch.setattr(option, "deprecate_by", "5.8", raising=False)
    monkeypatch.setattr(option, "alt", "broker_url", raising=False)

    class Source:
        broker_host = "h"

    with pytest.warns(CDeprecationWarning, match="broker_host .* 5.8 .*broker_url"):
        assert defaults.find_deprecated_settings(Source) is Source
