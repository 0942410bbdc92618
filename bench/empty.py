"""Particles found on simulated empty supports, where there are none: ``python -m bench.empty``."""

from statistics import median

from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.empty import empty_supports

PRESETS = ("bf-supported", "haadf-supported")


def main() -> None:
    """Print the median number of detections on each kind of support, and over all."""
    print("| preset | support | images | median of detections | images without any |")
    print("|---|---|---|---|---|")
    for preset in PRESETS:
        found: dict[str, list[int]] = {}
        for image in empty_supports(preset, n=50):
            kind = image.name.split("_")[1]
            found.setdefault(kind, []).append(segment(image.frames[0], method="hybrid").n)
        together = [n for numbers in found.values() for n in numbers]
        for kind, numbers in [*sorted(found.items()), ("all", together)]:
            print(
                f"| {preset} | {kind} | {len(numbers)} | {median(numbers):g} "
                f"| {sum(n == 0 for n in numbers)} |"
            )


if __name__ == "__main__":
    main()
