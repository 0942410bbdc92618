"""Many inputs: names, processes, what is done already, pooled tables."""
