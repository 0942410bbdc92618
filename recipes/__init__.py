"""How the models that come with nanosieve are made: see README.md in this folder."""
