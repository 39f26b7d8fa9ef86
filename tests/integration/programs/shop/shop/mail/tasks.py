from celery import shared_task


class Unreachable(Exception):
    pass


@shared_task(bind=True, default_retry_delay=0.1, max_retries=3)
def send(self, address):
    try:
        if self.request.retries < 2:
            raise Unreachable(address)
    except Unreachable as exc:
        raise self.retry(exc=exc)  # noqa: B904  # as tutorials write it
    return f"sent to {address} after {self.request.retries} retries"


@shared_task(autoretry_for=(Unreachable,), retry_kwargs={"max_retries": 1, "countdown": 0})
def hopeless(address):
    raise Unreachable(address)
