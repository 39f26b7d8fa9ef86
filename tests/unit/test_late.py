"""Every row of the table of late names resolves, and nothing else does."""

import sys
import types

import pytest

from celery import _late
from celery._late import LATE_NAMES, late


@pytest.mark.parametrize("name", sorted(LATE_NAMES))
def test_every_row_resolves(name: str) -> None:
    assert late(name) is not None


def test_other_names_are_refused() -> None:
    with pytest.raises(LookupError, match="add a row"):
        late("json:loads")


def test_a_replaced_attribute_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("late_example")
    module.thing = 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "late_example", module)
    monkeypatch.setattr(_late, "LATE_NAMES", frozenset({"late_example:thing"}))
    assert late("late_example:thing") == 1

    module.thing = 2  # type: ignore[attr-defined]
    assert late("late_example:thing") == 2
