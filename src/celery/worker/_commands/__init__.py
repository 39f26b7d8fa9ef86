"""The remote-control commands, by what they are about."""
