"""Signs and reads signed data; runs under Celery 5.7 and under this package alike.

Reads a JSON object from standard input: keyword arguments of `setup_security`, and what to
``sign`` or to ``read``. Writes the signed or the read values.
"""

import json
import sys

from kombu.serialization import dumps, loads

from celery import Celery

order = json.load(sys.stdin)
app = Celery("signing", broker="memory://")
app.conf.update(task_serializer="auth", accept_content=["auth"])
app.setup_security(**order["security"])
if "sign" in order:
    shown = [dumps(value, serializer="auth") for value in order["sign"]]
else:
    shown = [
        loads(body, content_type, encoding, accept=["auth"])
        for content_type, encoding, body in order["read"]
    ]
json.dump(shown, sys.stdout)
