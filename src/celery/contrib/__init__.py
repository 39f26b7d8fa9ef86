"""Additions to the core."""
