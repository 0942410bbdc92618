"""What an ONNX file holds, told from its bytes before any library that runs it sees them.

A model file is untrusted. Here it is only read: sizes are compared with what is there, references
to other files, control flow, functions and operators beyond plain arithmetic on arrays are refused.
The fields and their numbers are those of ONNX's protocol buffers (onnx.proto3, IR version 10); the
core needs no onnx package.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nanosieve.core.errors import UsageError

LARGEST_FILE = 1 << 29
LARGEST_METADATA = 1 << 24

# Everything that maps arrays to arrays and that networks of this field are exported to. Not here:
# If, Loop, Scan (which hold graphs), sequences, strings, random numbers.
_OPERATORS = """
    Abs Add AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant ConstantOfShape
    Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Erf Exp Expand Flatten Floor Gather Gelu
    Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid
    HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log
    MatMul Max MaxPool Min Mish Mod Mul Neg Not PRelu Pad Pow Range Reciprocal ReduceMax ReduceMean
    ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid Slice Softmax Softplus SpaceToDepth Split
    Sqrt Squeeze Sub Tanh Tile Transpose Unsqueeze Upsample Where
"""
OPERATORS = frozenset(_OPERATORS.split())
_DOMAINS = frozenset({"", "ai.onnx"})
# Bytes of an element by ONNX's number of its type; strings and types of less than a byte are out.
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_FLOATS = frozenset({1, 10, 11, 16})
# Of an array; convolutions have four.
_MOST_SIDES = 8
_TYPED_DATA = frozenset({4, 5, 7, 10, 11})
_SPARSE = "holds sparse weights, which are not supported; export it with dense ones"

_Value = int | memoryview


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file that has been looked through.

    Parameters
    ----------
    content
        Its bytes: what was looked through is what will run.
    digest
        Content hash, as `nanosieve.batch.store.content_hash` gives it.
    metadata
        Its properties by name.
    n_weights
        Number of floating-point weights stored.
    """

    content: bytes
    digest: str
    metadata: Mapping[str, str]
    n_weights: int


class _Unfit(Exception):
    """Why a file is refused; the caller adds its name."""


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file and look through it.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UsageError
        If it cannot be read, is too large, is no ONNX file, or holds what is not allowed.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise UsageError(
                f"{path}: {size / 2**20:.0f} MB; a model file has at most "
                f"{LARGEST_FILE // 2**20} MB"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        metadata, n_weights = _look_through(memoryview(content))
    except _Unfit as error:
        raise UsageError(f"{path}: {error}") from error
    except (IndexError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no ONNX file, or is cut off; copy it again") from error
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return OnnxFile(content, digest, metadata, n_weights)


def _look_through(model: memoryview) -> tuple[dict[str, str], int]:
    """Properties and number of weights of a ``ModelProto``."""
    metadata: dict[str, str] = {}
    graphs = []
    for number, value in _fields(model):
        if number == 7:
            graphs.append(_message(value))
        elif number == 14:
            key, text = _entry(_message(value))
            metadata[key] = text
        elif number in (20, 25):
            raise _Unfit("holds functions or training steps of its own; export it without them")
    if len(graphs) != 1:
        raise IndexError
    return metadata, _graph(graphs[0])


def _graph(graph: memoryview) -> int:
    weights = 0
    for number, value in _fields(graph):
        if number == 1:
            _node(_message(value))
        elif number == 5:
            weights += _tensor(_message(value))
        elif number == 15:
            raise _Unfit(_SPARSE)
    return weights


def _node(node: memoryview) -> None:
    operator = domain = ""
    for number, value in _fields(node):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            _attribute(_message(value))
    if domain not in _DOMAINS or operator not in OPERATORS:
        name = f"{domain}.{operator}" if domain else operator
        raise _Unfit(f"uses the operator {name[:60]!r}, which no network here needs; not run")


def _attribute(attribute: memoryview) -> None:
    for number, value in _fields(attribute):
        if number in (6, 11):
            raise _Unfit("holds a graph within its graph, which no network here needs; not run")
        if number in (22, 23):
            raise _Unfit(_SPARSE)
        if number in (5, 10):
            _tensor(_message(value))


def _tensor(tensor: memoryview) -> int:
    """Number of floating-point values, once dimensions and bytes agree."""
    dims: list[int] = []
    kind, raw, typed = 0, None, 0
    for number, value in _fields(tensor):
        if number == 1:
            dims += [value] if isinstance(value, int) else islice(_varints(value), _MOST_SIDES + 1)
            if len(dims) > _MOST_SIDES:
                raise _Unfit(f"holds weights of more than {_MOST_SIDES} dimensions; it is damaged")
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 9:
            raw = len(_message(value))
        elif number in _TYPED_DATA:
            typed += 1 if isinstance(value, int) else len(value)
        elif number == 13 or (number == 14 and value != 0):
            raise _Unfit("keeps weights in another file, which is never opened; export it as one")
    if kind not in _BYTES:
        raise _Unfit(f"holds weights of ONNX type {kind}, which are not supported")
    count = math.prod(dims)
    # Values in fields of their own take at least one byte each.
    fits = count <= typed if raw is None else count * _BYTES[kind] == raw
    if not fits or any(side >= 1 << 31 for side in dims):
        raise _Unfit(f"states weights of shape {dims} but does not hold as many; it is damaged")
    return count if kind in _FLOATS else 0


def _entry(entry: memoryview) -> tuple[str, str]:
    found = {number: value for number, value in _fields(entry) if number in (1, 2)}
    if any(len(_message(value)) > LARGEST_METADATA for value in found.values()):
        raise _Unfit(f"has a property of more than {LARGEST_METADATA // 2**20} MB")
    return _text(found.get(1, memoryview(b""))), _text(found.get(2, memoryview(b"")))


def _text(value: _Value) -> str:
    return bytes(_message(value)).decode()


def _message(value: _Value) -> memoryview:
    if isinstance(value, int):
        raise IndexError
    return value


def _fields(data: memoryview) -> Iterator[tuple[int, _Value]]:
    """Number and value of each field of a message; raises `IndexError` where it is cut off."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise IndexError
        if at + size > len(data):
            raise IndexError
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise IndexError


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value
