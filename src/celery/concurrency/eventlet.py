"""Pool of eventlet's green threads: not part of this version; importing it says what to use."""

raise ImportError(
    "this version has no eventlet pool: use --pool=threads for tasks that wait for input and output"
)
