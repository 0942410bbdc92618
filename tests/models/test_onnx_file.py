"""An ONNX file is looked through before anything runs it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from model_files import particle_model, write_graph
from nanosieve.core.errors import UsageError
from nanosieve.models import onnx_file
from nanosieve.models.onnx_file import read_onnx


@pytest.fixture
def plain(tmp_path) -> Path:
    return particle_model(tmp_path / "plain.onnx")


def changed(path: Path, change) -> Path:
    """Apply a change to the file's ModelProto."""
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def test_properties_and_weights_are_those_of_the_onnx_package(plain):
    file = read_onnx(plain)
    assert file.metadata == {p.key: p.value for p in onnx.load(plain).metadata_props}
    assert file.n_weights == 2
    assert file.content == plain.read_bytes()


def test_the_hash_is_that_of_the_batch(plain):
    from nanosieve.batch.store import content_hash

    assert read_onnx(plain).digest == content_hash(plain)


def test_typed_and_packed_weights_are_counted(plain):
    def typed(model):
        model.graph.initializer.append(
            helper.make_tensor("more", TensorProto.FLOAT, [2, 3], [1.0] * 6)
        )
        model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [2], [0, 1]))

    assert read_onnx(changed(plain, typed)).n_weights == 8


def _operator(name, domain=""):
    def change(model):
        model.graph.node[0].op_type, model.graph.node[0].domain = name, domain

    return change


def _external(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _location_alone(model):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def _in_a_constant(model):
    hidden = numpy_helper.from_array(np.float32([1]), "hidden")
    hidden.external_data.add(key="location", value="weights.bin")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=hidden))


def _graph_within(model):
    branch = helper.make_graph([], "branch", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", branch))


def _function(model):
    model.functions.add(name="mine")


def _sparse(model):
    model.graph.sparse_initializer.add()


def _sparse_in_a_constant(model):
    """Its values could lie in another file."""
    hidden = onnx.SparseTensorProto(
        values=numpy_helper.from_array(np.float32([1]), "hidden"),
        indices=numpy_helper.from_array(np.int64([0]), "places"),
        dims=[1],
    )
    model.graph.node.append(helper.make_node("Constant", [], ["c"], sparse_value=hidden))


def _many_sides(model):
    """The product of so many would take for ever."""
    model.graph.initializer[0].dims[:] = [3] * 10**6


def _too_few(model):
    model.graph.initializer[0].dims[:] = [1 << 40]


def _negative(model):
    model.graph.initializer[0].dims[:] = [-1]


def _words(model):
    model.graph.initializer.append(
        helper.make_tensor("words", TensorProto.STRING, [1], [b"import os"])
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_operator("Loop"), "uses the operator 'Loop'"),
        (_operator("Mul", "evil.corp"), "uses the operator 'evil.corp.Mul'"),
        (_operator("RandomNormal"), "uses the operator 'RandomNormal'"),
        (_external, "keeps weights in another file, which is never opened"),
        (_location_alone, "keeps weights in another file, which is never opened"),
        (_in_a_constant, "keeps weights in another file, which is never opened"),
        (_graph_within, "holds a graph within its graph"),
        (_function, "holds functions or training steps of its own"),
        (_sparse, "holds sparse weights"),
        (_sparse_in_a_constant, "holds sparse weights"),
        (_many_sides, "holds weights of more than 8 dimensions; it is damaged"),
        (_too_few, r"states weights of shape \[1099511627776\] but does not hold as many"),
        (_negative, r"states weights of shape \[\d+\] but does not hold as many"),
        (_words, "holds weights of ONNX type 8"),
    ],
)
def test_what_is_not_plain_arithmetic_is_refused(plain, change, message):
    with pytest.raises(UsageError, match=rf"plain\.onnx: {message}"):
        read_onnx(changed(plain, change))


def test_a_property_has_a_limit(plain, monkeypatch):
    monkeypatch.setattr(onnx_file, "LARGEST_METADATA", 10)
    with pytest.raises(UsageError, match="has a property of more than"):
        read_onnx(plain)


def test_a_file_has_a_limit(plain, monkeypatch):
    monkeypatch.setattr(onnx_file, "LARGEST_FILE", 100)
    with pytest.raises(UsageError, match=r"plain\.onnx: 0 MB; a model file has at most 0 MB"):
        read_onnx(plain)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_onnx(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    "content", [b"", b"not an ONNX file", b"\x3a\xff\xff\xff\xff\x0f", b"\xff"]
)
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no ONNX file, or is cut off"):
        read_onnx(path)


@given(st.data())
def test_damage_gives_one_line_or_a_file_that_fits(tmp_path, data):
    path = tmp_path / "x.onnx"
    if not path.exists():
        particle_model(path)
        path.with_suffix(".good").write_bytes(path.read_bytes())
    content = bytearray(path.with_suffix(".good").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        read_onnx(path)
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017 -- either end is right


def test_every_operator_of_our_exports_is_known():
    """The list is ONNX's own names."""
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert known >= onnx_file.OPERATORS


def test_write_graph_is_what_onnx_takes_for_a_model(tmp_path):
    node = helper.make_node("Identity", ["image"], ["probability"])
    onnx.checker.check_model(onnx.load(write_graph(tmp_path / "a.onnx", [node], {}, metadata={})))
