"""The application. `CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` choose other servers."""

from celery import Celery

app = Celery("audit", include=["audit.tasks"])
app.conf.update(
    task_track_started=False,
    worker_prefetch_multiplier=8,
    result_expires=3600,
)
