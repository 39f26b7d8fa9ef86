"""Redis: how to connect, the names of the keys, and the scripts."""
