"""Run the cases that have no result yet, then print and write one table."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import bench
from bench.cases import CASES
from bench.page import put
from bench.table import markdown

OUT = Path(__file__).parent / "out"


def main() -> int:
    """Parse, run what is missing, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=bench.__doc__)
    parser.add_argument("case", nargs="*", help=f"any of {', '.join(CASES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, fewer repeats")
    parser.add_argument("--fresh", action="store_true", help="measure again what has a result")
    options = parser.parse_args()
    unknown = [name for name in options.case if name not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]!r}; there are {', '.join(CASES)}")

    folder = OUT / ("quick" if options.quick else "full")
    folder.mkdir(parents=True, exist_ok=True)
    for name in options.case or CASES:
        result = folder / f"{name}.json"
        if result.exists() and not options.fresh:
            print(f"{name}: kept from an earlier run (--fresh measures again)", file=sys.stderr)
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        result.write_text(json.dumps(CASES[name](quick=options.quick), indent=1))
    known = [
        json.loads(path.read_text()) for name in CASES if (path := folder / f"{name}.json").exists()
    ]
    text = markdown([row for rows in known for row in rows], machine=_machine())
    (folder / "results.md").write_text(text)
    print(text)
    if not options.quick:
        put("speed", text)
    print(f"written to {folder / 'results.md'}", file=sys.stderr)
    return 0


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
