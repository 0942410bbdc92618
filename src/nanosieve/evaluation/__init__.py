"""Methods and label images against a data set: scores with intervals over groups."""

from nanosieve.evaluation.protocol import Protocol
from nanosieve.evaluation.run import Evaluation, evaluate
from nanosieve.evaluation.write import write_evaluation

__all__ = ["Evaluation", "Protocol", "evaluate", "write_evaluation"]
