"""A pool of processes that share one job socket."""
