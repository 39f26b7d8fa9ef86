"""The task: measure one source file."""

from audit.celery import app
from audit.measure import measure, unreadable
from celery.exceptions import SoftTimeLimitExceeded


@app.task(
    autoretry_for=(OSError,),
    dont_autoretry_for=(FileNotFoundError,),
    retry_backoff=True,
    max_retries=3,
    soft_time_limit=20,
    time_limit=30,
)
def audit_file(path: str) -> dict[str, object]:
    """Measure the file; one that takes too long or cannot be parsed is reported as such."""
    try:
        return measure(path)
    except SoftTimeLimitExceeded:
        return unreadable(path, "took longer than 20 s")
    except (SyntaxError, ValueError, RecursionError) as exc:
        return unreadable(path, type(exc).__name__)
