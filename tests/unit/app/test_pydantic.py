"""Tasks with pydantic models as arguments and results."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, ValidationInfo, field_validator
from tests.support.flows import flow_app, only, run

from celery import Celery


class Order(BaseModel):
    number: int
    seen: str = ""

    @field_validator("number")
    @classmethod
    def note(cls, value: int, info: ValidationInfo) -> int:
        return value + (info.context or {}).get("add", 0)


class Receipt(BaseModel):
    text: str


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_dicts_become_models_and_models_dicts(app: Celery) -> None:
    @app.task(name="buy", pydantic=True, shared=False)
    def buy(order: Order, note: str, other: Order | None = None) -> Receipt:
        assert isinstance(order, Order)
        return Receipt(text=f"{order.number} {note} {other}")

    result = buy.delay({"number": "3"}, note="n")
    run(app, only(app))
    assert result.get(timeout=1) == {"text": "3 n None"}
    assert buy({"number": 1}, "n", other={"number": 2}) == {"text": "1 n number=2 seen=''"}


def test_bad_input_fails_the_task(app: Celery) -> None:
    @app.task(name="buy", pydantic=True, shared=False)
    def buy(order: Order) -> None: ...

    with pytest.raises(ValidationError):
        buy.apply(({"number": "many"},)).get()


def test_strict_and_context(app: Celery) -> None:
    @app.task(name="strict", pydantic=True, pydantic_strict=True, shared=False)
    def strict(order: Order) -> None: ...

    @app.task(name="context", pydantic=True, pydantic_context={"add": 10}, shared=False)
    def context(order: Order) -> int:
        return order.number

    with pytest.raises(ValidationError):
        strict({"number": "3"})
    assert context({"number": 1}) == 11


def test_how_a_result_is_dumped(app: Celery) -> None:
    @app.task(name="dump", pydantic=True, pydantic_dump_kwargs={"exclude": {"seen"}}, shared=False)
    def dump() -> Order:
        return Order(number=1)

    assert dump() == {"number": 1}


def test_a_bound_task(app: Celery) -> None:
    @app.task(name="bound", pydantic=True, bind=True, shared=False)
    def bound(self: Any, order: Order) -> Any:
        return [self.name, order.number]

    assert bound({"number": 1}) == ["bound", 1]
