"""An audit of the Python standard library, one task a file."""
