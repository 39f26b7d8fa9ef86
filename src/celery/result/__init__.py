"""Promises of results: what a caller holds of the tasks it has sent."""

from celery.result.async_result import AsyncResult
from celery.result.base import ResultBase
from celery.result.eager import EagerResult
from celery.result.group_result import GroupResult
from celery.result.guards import allow_join_result, assert_will_not_block, denied_join_result
from celery.result.result_set import ResultSet
from celery.result.tree import result_from_tuple

__all__ = (
    "AsyncResult",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "allow_join_result",
    "assert_will_not_block",
    "denied_join_result",
    "result_from_tuple",
)
