"""Brokers: the port that the publisher and the worker stand on, and its adapters."""
