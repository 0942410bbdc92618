"""The methods by name."""
from nanosieve.core.errors import UsageError
from nanosieve.segmentation.hybrid import hybrid
from nanosieve.segmentation.thresholds import local, otsu
METHODS = {"otsu": otsu, "local": local, "hybrid": hybrid}
def resolve(name):
    name = "hybrid" if name == "auto" else name
    return name, METHODS[name]
