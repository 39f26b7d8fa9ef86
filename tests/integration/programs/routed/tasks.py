from celery import Celery

app = Celery("tasks")
app.config_from_object("celeryconfig")


@app.task(bind=True)
def import_feed(self, url):
    return [self.request.hostname.partition("@")[0], self.request.delivery_info["routing_key"], url]


@app.task(bind=True)
def mail_user(self, user):
    return [self.request.hostname.partition("@")[0], user]


@app.task(bind=True)
def refresh(self):
    return self.request.hostname.partition("@")[0]
