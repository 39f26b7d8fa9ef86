"""The `celery` command and its sub-commands, one module each."""
