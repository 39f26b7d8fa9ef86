"""The programs: what the command line starts."""
