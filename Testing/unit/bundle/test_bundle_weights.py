"""The file of the weights, whose first bytes are a number."""

import json
import struct

import pytest

from liverpair.bundle.weights import tensor_shapes


@pytest.mark.parametrize("length", [0x180, 0x4B50], ids=["as a pickle begins", "as a zip begins"])
def test_a_header_whose_length_looks_like_another_file_is_read(tmp_path, length):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).ljust(length)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", length) + header.encode() + bytes(8))
    assert tensor_shapes(path, "small") == {"a": (2,)}
