"""Methods by name, the edge rule, and the splitting of touching particles."""
