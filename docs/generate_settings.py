"""Write ``docs/reference/settings.md`` from the tables of settings.

Run it after a change to a table: ``python docs/generate_settings.py``.
"""

from itertools import groupby
from pathlib import Path

from celery._settings import SETTINGS, WITHOUT_DEFAULT, Setting

PAGE = Path(__file__).parent / "reference" / "settings.md"

INTRODUCTION = """\
# Settings

<!-- Written by docs/generate_settings.py from src/celery/_settings: change the tables there. -->

A setting is an attribute, and an item, of `app.conf`:

```python
app.conf.worker_concurrency = 8
app.conf.update(task_serializer="json", timezone="Europe/Oslo")
app.config_from_object("proj.celeryconfig")
```

The value of a setting is, in this order,

1. for `broker_url`, `broker_read_url`, `broker_write_url` and `result_backend`, the environment
   variable `CELERY_BROKER_URL`, `CELERY_BROKER_READ_URL`, `CELERY_BROKER_WRITE_URL` or
   `CELERY_RESULT_BACKEND`,
2. what the program wrote to `app.conf` or gave to `Celery(...)`,
3. what it gave to `app.add_defaults`,
4. what the object, module or class given to `app.config_from_object` says,
5. the default below.

The configuration is read when a setting is read for the first time, not before.

Each setting may be written under its old, upper-case name too, and read under either. One source
uses one style: mixed styles are an error, which lists what to rename. With a namespace,
`app.config_from_object("django.conf:settings", namespace="CELERY")`, names are written as
`CELERY_BROKER_URL`, `CELERY_TASK_SERIALIZER`. A name that looks like a setting of Celery's and is
none gets a warning that says what may have been meant.
"""

WITHOUT_NAMESPACE = "General"

EXTRA = """\
## Settings without a default

These are read when they are set. Reading one that is not set as an attribute of `app.conf` is an
error; `app.conf.get` works. The column says what is used when it is not set.
"""


def section(title: str, settings: list[Setting]) -> str:
    """Return the part of the page on the settings of one namespace."""
    anchors = "\n".join(entry(setting) for setting in settings)
    return f"## {title}\n\n{anchors}"


def entry(setting: Setting) -> str:
    """Return what the page says of one setting."""
    old = f", formerly `{setting.old}`" if setting.old else ""
    facts = f"{setting.type}, default `{setting.default!r}`{old}"
    return f"### `{setting.name}`\n\n{facts}\n\n{setting.doc}\n"


def table(settings: tuple[Setting, ...]) -> str:
    """Return a table of settings, for those that need no section."""
    lines = ["| setting | type | otherwise | |", "|---|---|---|---|"]
    lines += [f"| `{s.name}` | {s.type} | `{s.default!r}` | {s.doc} |" for s in settings]
    return "\n".join(lines)


def render() -> str:
    """Return the whole page."""
    sections = [
        section(f"`{namespace}_*`" if namespace else WITHOUT_NAMESPACE, list(settings))
        for namespace, settings in groupby(SETTINGS, key=lambda setting: setting.namespace)
    ]
    return "\n".join([INTRODUCTION, *sections, EXTRA, table(WITHOUT_DEFAULT)]) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
