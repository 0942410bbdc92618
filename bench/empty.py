"""Particles found on drawn empty supports, where there are none: ``python -m bench.empty``."""

from statistics import median

from nanosieve.segmentation.segment import segment
from nanosieve.simulation.supports import empty_supports


def main() -> None:
    """Print the number of detections on each kind of support, and the median over all."""
    found: dict[str, list[int]] = {}
    for image in empty_supports(seeds=range(5)):
        kind = image.name.rsplit("_", 1)[0]
        found.setdefault(kind, []).append(segment(image.frames[0], method="hybrid").n)
    print("| empty support | detections, one number a seed |\n|---|---|")
    for kind, numbers in found.items():
        print(f"| {kind} | {', '.join(map(str, numbers))} |")
    print(f"| median over all | {median(n for numbers in found.values() for n in numbers):g} |")


if __name__ == "__main__":
    main()
