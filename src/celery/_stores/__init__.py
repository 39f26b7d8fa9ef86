"""Storage technologies: how to connect to each, and the statements and scripts it is asked."""
