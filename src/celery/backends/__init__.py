"""Result stores: where the state and the result of each task are kept, and read."""
