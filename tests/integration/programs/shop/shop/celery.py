from celery import Celery
from celery.schedules import crontab
from celery.signals import task_postrun, task_prerun, worker_ready

app = Celery("shop")
app.config_from_object("shop.settings", namespace="CELERY")
app.autodiscover_tasks(["shop.cart", "shop.mail"])


@app.on_after_configure.connect
def setup_periodic_tasks(sender, **kwargs):
    # Calls tidy() every 10 seconds.
    sender.add_periodic_task(10.0, tidy.s("hello"), name="tidy every 10")
    sender.add_periodic_task(crontab(hour=7, minute=30, day_of_week=1), tidy.s("monday"))


@app.task
def tidy(what):
    return what


@worker_ready.connect
def announce(sender=None, **kwargs):
    print(f"signal: worker {sender.hostname.partition('@')[0]} is ready")


@task_prerun.connect
def before(task_id=None, task=None, args=None, **kwargs):
    if task.name == "shop.mail.tasks.send":
        print(f"signal: before {task.name} {args}")


@task_postrun.connect
def after(task=None, state=None, retval=None, **kwargs):
    if task.name == "shop.mail.tasks.send":
        print(f"signal: after {task.name} {state} {retval}")
