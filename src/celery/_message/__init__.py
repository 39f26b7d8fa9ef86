"""The wire format: pure functions from a task call to a message and back."""
