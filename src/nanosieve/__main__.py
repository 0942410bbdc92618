"""``python -m nanosieve`` is ``nanosieve``."""

from nanosieve.cli import main

if __name__ == "__main__":
    main()
