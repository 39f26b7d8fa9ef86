"""``python -m celery``, and the ``celery`` command."""

import sys
from importlib import import_module

from celery._patching import maybe_patch_concurrency

__all__ = ("main",)


def main() -> None:
    """Run the command line; exits the process.

    Nothing that holds sockets or locks may be imported before the pool that was asked for has
    patched the standard library; the workers that ``multi`` starts do that for themselves.
    """
    if "multi" not in sys.argv:
        try:
            maybe_patch_concurrency()
        except ImportError as exc:
            sys.exit(f"Error: the pool cannot be used: {exc}")
    import_module("celery.bin.celery").main()


if __name__ == "__main__":
    main()
