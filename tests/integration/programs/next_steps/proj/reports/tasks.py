from celery import shared_task


@shared_task
def table(rows, title="untitled"):
    return {"title": title, "rows": rows}


@shared_task(name="reports.log_error")
def log_error(request, exc, traceback):
    print(f"log_error: {request.task} raised {exc!r}")
