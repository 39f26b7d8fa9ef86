"""Running one task: a short pipeline from a request to an outcome.

Every pool, eager mode and the test kit run tasks through this package and nothing else.
"""
