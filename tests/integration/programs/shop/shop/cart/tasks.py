import time

from celery import Task, shared_task
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


class CountingTask(Task):
    """A base class with state of its own, kept between calls."""

    _connection = None

    @property
    def connection_name(self):
        if self._connection is None:
            self._connection = "connected once"
        return self._connection

    def on_success(self, retval, task_id, args, kwargs):
        logger.info("handler: %s succeeded", self.name)


@shared_task(bind=True)
def upload_files(self, filenames):
    for i, _ in enumerate(filenames):
        if not self.request.called_directly:
            self.update_state(state="PROGRESS", meta={"current": i, "total": len(filenames)})
        time.sleep(0.05)
    logger.info("Uploaded %s files", len(filenames))
    return {"current": len(filenames), "total": len(filenames), "status": "completed"}


@shared_task(base=CountingTask, bind=True)
def checkout(self, order):
    logger.info("Checking out %s", order)
    return [order, self.connection_name]
