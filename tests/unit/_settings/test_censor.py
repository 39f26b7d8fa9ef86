import pytest

from celery._settings import censor, sanitize_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:p@h/2", "redis://u:********@h/2"),
        ("redis://:p@h:6379/2", "redis://:********@h:6379/2"),
        ("redis://h:6379/2", "redis://h:6379/2"),
        ("db+postgresql://u:pw@h/d", "db+postgresql://u:********@h/d"),
        ("amqp://u:a@h//;amqp://u:b@g//", "amqp://u:********@h//;amqp://u:********@g//"),
        ("sqs://id:se/cr@et@eu", "sqs://id:********@eu"),
        ("redis://h/0?password=x&db=1", "redis://h/0?password=********&db=1"),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k==;EndpointSuffix=w",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=********;EndpointSuffix=w",
        ),
        ("azurestoragequeues://key@account", "azurestoragequeues://********@account"),
        ("memory://", "memory://"),
        ("proj.celeryconfig", "proj.celeryconfig"),
    ],
)
def test_urls_are_shown_without_passwords(url, shown):
    assert sanitize_url(url) == shown


def test_secrets_are_hidden_at_any_depth():
    shown = censor(
        {
            "s3_secret_access_key": "x",
            "security_key_password": b"x",
            "broker_url": ["redis://:p@h", "redis://:q@g"],
            "broker_transport_options": {"sentinel_kwargs": {"password": 1}, "master_name": "m"},
            "mine": ({"token": 1}, "http://u:p@h"),
            "worker_concurrency": 3,
        }
    )
    assert shown == {
        "s3_secret_access_key": "********",
        "security_key_password": "********",
        "broker_url": ["redis://:********@h", "redis://:********@g"],
        "broker_transport_options": {
            "sentinel_kwargs": {"password": "********"},
            "master_name": "m",
        },
        "mine": ({"token": "********"}, "http://u:********@h"),
        "worker_concurrency": 3,
    }


def test_censoring_leaves_the_settings_alone():
    settings = {"broker_transport_options": {"password": 1}}
    censor(settings)
    assert settings == {"broker_transport_options": {"password": 1}}
