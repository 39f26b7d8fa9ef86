"""Pool of gevent's greenlets: not part of this version; importing it says what to use instead."""

raise ImportError(
    "this version has no gevent pool: use --pool=threads for tasks that wait for input and output"
)
