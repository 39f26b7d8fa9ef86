from tasks import app, import_feed, mail_user, refresh

print(app.conf.timezone, app.conf.task_default_queue)
print(import_feed.delay("http://cnn.com/rss").get(timeout=10))
print(mail_user.delay("ada").get(timeout=10))
print(refresh.delay().get(timeout=10))
print(refresh.apply_async(queue="mail").get(timeout=10))
print(
    import_feed.apply_async(("x",), exchange="feeds", routing_key="feed.other").get(timeout=10)[0]
)
