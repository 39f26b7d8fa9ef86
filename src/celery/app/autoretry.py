"""`autoretry_for`: a task that retries itself on the exceptions it names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from celery.exceptions import Ignore, Retry
from celery.utils.time import get_exponential_backoff_interval

__all__ = ["add_autoretry_behaviour"]


def add_autoretry_behaviour(task: Any, **options: Any) -> None:
    """Wrap `task.run` so that the exceptions in `autoretry_for` become retries.

    Args:
        options: `autoretry_for`, `dont_autoretry_for`, `retry_kwargs`, `retry_backoff` (True or a
            factor in seconds), `retry_backoff_max` (seconds), `retry_jitter`; attributes of the
            task stand in for what is not given.
    """

    def option(name: str, default: Any) -> Any:
        return options.get(name, getattr(task, name, default))

    catch = tuple(option("autoretry_for", ()))
    if not catch or hasattr(task, "_orig_run"):
        return
    spare = tuple(option("dont_autoretry_for", ()))
    retry_kwargs = dict(option("retry_kwargs", {}))
    factor = int(max(1, option("retry_backoff", False))) if option("retry_backoff", False) else None
    maximum, jitter = int(option("retry_backoff_max", 600)), option("retry_jitter", True)
    task._orig_run, task.run = (
        task.run,
        _retrying(
            task,
            task.run,
            catch,
            (Ignore, Retry, *spare),
            retry_kwargs,
            _backoff(factor, maximum, jitter),
        ),
    )


def _backoff(factor: int | None, maximum: int, jitter: bool) -> Callable[[int], float | None]:
    """Countdown in seconds by number of retries so far; None: the task's default delay."""

    def countdown(retries: int) -> float | None:
        if factor is None:
            return None
        return get_exponential_backoff_interval(
            factor=factor, retries=retries, maximum=maximum, full_jitter=jitter
        )

    return countdown


def _retrying(
    task: Any,
    original: Callable[..., Any],
    catch: tuple[type[BaseException], ...],
    spare: tuple[type[BaseException], ...],
    retry_kwargs: dict[str, Any],
    countdown: Callable[[int], float | None],
) -> Callable[..., Any]:
    @wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except spare:
            raise
        except catch as exc:
            options = dict(retry_kwargs)
            wait = countdown(task.request.retries)
            if wait is not None:
                options["countdown"] = wait
            retry = task.retry(exc=exc, **options)
            raise retry from exc

    return run
