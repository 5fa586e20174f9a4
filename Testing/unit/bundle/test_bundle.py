"""Bundles: what is written is read, and what is wrong is refused in a sentence that names it."""

import hashlib
import json
import pickle
import struct
import subprocess
import sys

import pytest
import torch
from bundle_factory import ARGUMENTS, edit_manifest, manifest, small_network, write_bundle
from safetensors.torch import load_file, save_file

from liverpair.bundle import Bundle
from liverpair.bundle.weights import tensor_shapes
from liverpair.core.errors import BundleError
from liverpair.networks import build

RANGE_SETTINGS = {"dimensions": 3, "scale": 255, "bin_width": 10, "spacing_mm": [2, 2, 6]}
RANGES = {"settings": RANGE_SETTINGS, "count": 9, "data": "nine lesions", "features": {}}
GRID, PERCENTILES, LABEL = manifest()["grid"], manifest()["normalization"], manifest()["labels"][0]


@pytest.fixture
def folder(tmp_path):
    return write_bundle(tmp_path / "small").folder


def replace_weights(folder, content: bytes):
    """Other weights, with a manifest that vouches for them."""
    (folder / "weights.safetensors").write_bytes(content)
    edit_manifest(folder, sha256=hashlib.sha256(content).hexdigest())


def replace_tensors(folder, **tensors):
    path = folder / "weights.safetensors"
    whole = {**load_file(path), **tensors}
    save_file({name: tensor for name, tensor in whole.items() if tensor is not None}, path)
    edit_manifest(folder, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_written_bundle_runs_as_the_network_it_came_from(folder):
    images = torch.rand(1, 1, 8, 8, 8)
    bundle = Bundle.load(folder)
    network = bundle.network("cpu")
    assert torch.equal(network(images), small_network()(images))
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert (bundle.name, bundle.task, bundle.inputs) == ("small", "segmentation", ["T1 or T2"])
    assert bundle.grid.spacing_mm == (2.0, 2.0, 6.0)
    assert bundle.sha256 == hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


def test_reading_a_bundle_needs_no_torch(folder):
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['safetensors'] = None\n"
        "from liverpair.bundle import Bundle, Catalogue\n"
        "bundle = Bundle.load(sys.argv[1]); assert bundle.card(); assert Catalogue([sys.argv[2]]).list()\n"
        "try: bundle.network()\n"
        "except Exception as error: print(error.kind, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(folder.parent)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("package Running a model needs the package 'torch'.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": ...}, "'schema_version' is missing"),
        ({"schema_version": 2}, "'schema_version' is 2, and this LiverPair reads 1. Update LiverPair."),
        ({"schema_version": True}, "'schema_version' must be a whole number, not True"),
        ({"name": ...}, "'name' is missing"),
        ({"name": 3}, "'name' must be a text, not 3"),
        ({"name": "../small"}, "'name' is not made of"),
        ({"name": "a..b"}, "'name' is not made of"),
        (
            {"task": "cooking"},
            "'task' must be 'segmentation', 'slice-segmentation', 'detection' or 'box-segmentation', not 'cooking'",
        ),
        ({"inputs": []}, "'inputs' is empty"),
        ({"network": "unet"}, "'network' must be an object, not 'unet'"),
        ({"network": {"name": "unet"}}, "'network.arguments' is missing"),
        ({"grid": ...}, "'grid' is missing"),
        (
            {"grid": {"spacing_mm": [1, 1, 0], "multiple_of": [1, 1, 1]}},
            "must be a list of 3 numbers above 0",
        ),
        (
            {"grid": {"spacing_mm": [1, 1, 1], "multiple_of": [1, 1]}},
            "multiple_of' has 2 numbers, and volumes need 3",
        ),
        (
            {"normalization": {"method": "percentile", "lower_percentile": 99, "upper_percentile": 1}},
            "percentiles 99 and 1, which do not rise",
        ),
        ({"postprocessing": {"threshold": 1.5}}, "'postprocessing.threshold' must be a number from 0 to 1, not 1.5"),
        (
            {"postprocessing": {"threshold": float("nan")}},
            "threshold' must be a number from 0 to 1, not nan",
        ),
        ({"postprocessing": {"threshold": 0.5, "fill_holes": "no"}}, "fill_holes' must be true or false, not 'no'"),
        ({"labels": []}, "'labels' is empty"),
        ({"labels": [{"name": "Liver", "value": 1}]}, "'labels[0].snomed' is missing"),
        ({"labels": manifest()["labels"] * 2}, "has two labels with the same value"),
        ({"normal_ranges": {"features": {}}}, "'normal_ranges.settings' is missing"),
        (
            {"normal_ranges": {**RANGES, "count": 0}},
            "'normal_ranges.count' must be a whole number of at least 1",
        ),
        (
            {"normal_ranges": {**RANGES, "settings": {**RANGE_SETTINGS, "bin_width": 0}}},
            "bin_width' must be a number",
        ),
        ({"normal_ranges": {**RANGES, "settings": {**RANGE_SETTINGS, "dimensions": 4}}}, "dimensions' must be 2 or 3"),
        ({"normal_ranges": {**RANGES, "features": {"shape_Flatness": {"mean": 0.6}}}}, "_Flatness.sd' is missing"),
        ({"metrics": {"test": {"cases": [1]}}}, "'metrics.test.cases' must be a list of objects, not [1]"),
        ({"normalization": {"method": "percentile"}}, "'normalization.lower_percentile' is missing"),
        (
            {"normalization": {**PERCENTILES, "method": "z-score"}},
            "'normalization.method' must be 'percentile'",
        ),
        ({"grid": {**GRID, "keep_slices_from_mm": "5"}}, "'grid.keep_slices_from_mm' must be a number from 0"),
        ({"grid": {**GRID, "keep_slices_to_mm": 10**400}}, "'grid.keep_slices_to_mm' must be a number from 0"),
        (
            {"grid": {**GRID, "multiple_of": [10**9, 1, 1]}},
            "multiple_of' must be a list of whole numbers from 1",
        ),
        (
            {"grid": {"spacing_mm": [2, 2], "multiple_of": [2, 2, 2]}},
            "spacing_mm' must be a list of 3 numbers above 0 and up to 1000, not [2, 2]",
        ),
        ({"grid": {**GRID, "crop": "head"}}, "'grid.crop' must be 'body', 'liver' or 'box', not 'head'"),
        ({"mirror_axes": "xyz"}, "'mirror_axes' must be a list of 'x', 'y' or 'z'"),
        ({"mirror_axes": ["t"]}, "'mirror_axes' must be a list of 'x', 'y' or 'z'"),
        ({"mirror_axes": [["x"]]}, "'mirror_axes' must be a list of 'x', 'y' or 'z'"),
        ({"limits": 3}, "'limits' must be a text or a list of texts"),
        ({"limits": [3]}, "'limits' must be a text or a list of texts"),
        ({"inputs": ["CT"]}, "'inputs' must be a list of 'T1', 'T2' or 'T1 or T2', not ['CT']"),
        ({"inputs": ["T1", "T2"]}, "'strategy' is 'single', which does not take the inputs ['T1', 'T2']"),
        ({"strategy": "telepathy"}, "'strategy' must be 'single', "),
        (
            {"network": {"name": "evil", "arguments": {}}},
            "must be 'unet', 'reversible-unet', 'generalized-unet', ",
        ),
        ({"sha256": "abc"}, "'sha256' is not a SHA-256 checksum"),
    ],
)
def test_a_wrong_manifest_is_refused_by_the_entry_that_is_wrong(folder, changes, words):
    edit_manifest(folder, **changes)
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 10**5, "not valid JSON"),
    ],
    ids=["truncated", "list", "binary", "nested"],
)
def test_a_manifest_that_is_not_json_is_refused(folder, content, words):
    (folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match=words):
        Bundle.load(folder)


def test_a_folder_without_manifest_or_weights_is_refused(folder, tmp_path):
    with pytest.raises(BundleError, match="has no bundle.json"):
        Bundle.load(tmp_path / "nothing")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match="has no weights.safetensors"):
        Bundle.load(folder)


def test_one_changed_bit_of_the_weights_is_refused(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="do not have the checksum"):
        Bundle.load(folder)


class Intruder:
    """A pickle that would show that it was opened."""

    def __reduce__(self):
        return pytest.fail, ("the pickle was opened",)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_in_place_of_safetensors_is_refused_unopened(folder, tmp_path, writer):
    if writer == "pickle":
        content = pickle.dumps(Intruder())
    else:
        torch.save({"a": torch.ones(1)}, tmp_path / "weights.pt")
        content = (tmp_path / "weights.pt").read_bytes()
    replace_weights(folder, content)
    with pytest.raises(BundleError, match="are a Python pickle, which could run any program"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"1234", struct.pack("<Q", 2**62) + b"{}", struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 4) + b"nope"],
    ids=["empty", "short", "endless header", "list", "not JSON"],
)
def test_weights_that_are_not_safetensors_are_refused(folder, content):
    replace_weights(folder, content)
    with pytest.raises(BundleError, match="are not a safetensors file"):
        Bundle.load(folder)


def test_weights_cut_short_are_refused(folder):
    replace_weights(folder, (folder / "weights.safetensors").read_bytes()[:-100])
    with pytest.raises(BundleError, match="are damaged: its tensors do not fill the file"):
        Bundle.load(folder)


def safetensors_file(header: dict, values: bytes = bytes(8)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({}, "are empty: the file holds no tensor"),
        ({"__metadata__": {"format": "pt"}}, "are empty: the file holds no tensor"),
        ({"a": 3}, "'a' is not described as a tensor"),
        ({"a": {**TENSOR, "shape": [-2]}}, "'a' is not described as a tensor"),
        ({"a": {**TENSOR, "data_offsets": [0]}}, "'a' is not described as a tensor"),
        ({"a": {**TENSOR, "dtype": "F13"}}, "of a type this LiverPair does not know: 'a' is 'F13'"),
        ({"a": {**TENSOR, "shape": [3]}}, "'a' is not as long as its shape"),
        ({"a": {**TENSOR, "data_offsets": [8, 16]}}, "its tensors do not fill the file"),
        ({"a": TENSOR, "b": TENSOR}, "its tensors do not fill the file"),
    ],
)
def test_a_damaged_header_of_the_weights_is_refused_on_loading(folder, header, words):
    replace_weights(folder, safetensors_file(header))
    with pytest.raises(BundleError, match=words):
        Bundle.load(folder)


def test_shapes_are_read_without_the_values(folder):
    expected = {name: tuple(value.shape) for name, value in small_network().state_dict().items()}
    assert tensor_shapes(folder / "weights.safetensors", "small") == expected


def test_weights_that_are_not_finite_are_refused(folder):
    replace_tensors(folder, **{"head.bias": torch.tensor([float("nan")])})
    with pytest.raises(BundleError, match="'head.bias' holds NaN or infinity"):
        Bundle.load(folder).network()


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"head.bias": torch.zeros(2)}, r"'head.bias' has the shape \(2,\) and the network has \(1,\)"),
        ({"head.bias": None}, r"'head.bias' is missing \(1 missing in all\)"),
        ({"tail.bias": torch.zeros(1)}, "'tail.bias' is not part of the network"),
    ],
)
def test_weights_that_do_not_fit_the_network_are_refused(folder, tensors, words):
    replace_tensors(folder, **tensors)
    with pytest.raises(BundleError, match=words):
        Bundle.load(folder).network()


def test_a_network_that_nobody_knows_or_could_build_is_refused(folder):
    edit_manifest(folder, network={"name": "oracle", "arguments": {}})
    with pytest.raises(BundleError, match="'network.name' must be 'unet', .*, not 'oracle'"):
        Bundle.load(folder).network()
    edit_manifest(folder, network={"name": "unet", "arguments": {"wisdom": 3}})
    with pytest.raises(BundleError, match="arguments that do not fit the network 'unet'"):
        Bundle.load(folder).network()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"widths": [10**9, 10**9]}, "'network.arguments' must be an object of at most 1000 values, none beyond 4096"),
        ({"widths": [4] * 100_000}, "'network.arguments' must be an object of at most 1000 values"),
        ({"kernels": [[10**6] * 3] * 2}, "none beyond 4096"),
        ({"kernels": [[10**400] * 3] * 2}, "beyond 4096"),
        ({"dropout": float("nan")}, "none beyond 4096"),
        ({"widths": [4096, 4096], "kernels": [[4096] * 3] * 2}, "do not fit the network"),
        ({"widths": [16.5, 4]}, "arguments that do not fit the network 'unet'"),
        ({"widths": "abc"}, "arguments that do not fit the network 'unet'"),
        ({"widths": []}, "arguments that do not fit the network 'unet'"),
        ({"widths": [0, 4]}, "do not fit the network"),
        ({"widths": [-16, 4]}, "arguments that do not fit the network 'unet'"),
        ({"normalization": "zzz"}, "arguments that do not fit the network 'unet': unknown normalization 'zzz'"),
    ],
)
def test_absurd_arguments_are_refused_in_one_sentence(folder, arguments, words):
    edit_manifest(folder, network={"name": "unet", "arguments": {**ARGUMENTS, **arguments}})
    with pytest.raises(BundleError, match=words) as caught:
        Bundle.load(folder).empty_network()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": {**GRID, "multiple_of": [3, 2, 2]}}, r"multiple_of' is \[3, 2, 2\], .* multiples of \[2, 2, 2\]"),
        ({"labels": [LABEL, {**LABEL, "value": 2}]}, "not a mask for each of 2 labels"),
        ({"network": {"name": "unet", "arguments": {**ARGUMENTS, "strides": [[0, 2, 2]]}}}, "do(es)? not (fit|run)"),
    ],
)
def test_a_segmenter_that_does_not_do_what_its_manifest_says_is_refused(folder, changes, words):
    edit_manifest(folder, **changes)
    with pytest.raises(BundleError, match=words):
        Bundle.load(folder).network()


def test_a_segmenter_for_other_channels_or_dimensions_is_refused(tmp_path):
    for arguments, words in [
        ({"in_channels": 2}, "its network does not run on 1 channels"),
        ({"dimensions": 2}, r"multiples of \[2, 2\]"),
    ]:
        network = {"name": "unet", "arguments": {**ARGUMENTS, **arguments}}
        weights = build("unet", network["arguments"]).state_dict()
        with pytest.raises(BundleError, match=words):
            Bundle.write(tmp_path / "odd", manifest(network=network), weights)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_asks_for_a_giant_network_takes_no_memory_for_it(folder):
    edit_manifest(folder, network={"name": "unet", "arguments": {**ARGUMENTS, "widths": [2048, 4096, 4096]}})
    with pytest.raises(BundleError, match="do not fit the network"):
        Bundle.load(folder).network()


def test_what_another_task_adds_is_kept_and_can_be_read(folder):
    edit_manifest(folder, pairing={"threshold": 0.2})
    bundle = Bundle.load(folder)
    assert bundle.section("pairing") == {"threshold": 0.2}
    assert json.loads((bundle.update(metrics={}).folder / "bundle.json").read_text())["pairing"] == {"threshold": 0.2}
    with pytest.raises(BundleError, match="has no section 'anchors'"):
        bundle.section("anchors")
