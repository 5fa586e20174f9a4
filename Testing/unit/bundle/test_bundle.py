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

from liverpair import networks
from liverpair.bundle import Bundle
from liverpair.bundle import manifest as manifest_module
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
    assert bundle.grid["spacing_mm"] == [2.0, 2.0, 6.0]
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
        ({"schema_version": 2}, "schema version 2 and this LiverPair reads version 1. Update LiverPair."),
        ({"schema_version": True}, "'schema_version' is not a whole number"),
        ({"name": ...}, "'name' is missing"),
        ({"name": 3}, "'name' is not a text"),
        ({"name": "../small"}, "its name '../small' is not made of"),
        ({"name": "a..b"}, "its name 'a..b' is not made of"),
        ({"task": "cooking"}, "its task 'cooking' is unknown; known are detection, segmentation"),
        ({"inputs": []}, "'inputs' is not a list of texts"),
        ({"network": "unet"}, "'network' is not an object"),
        ({"network": {"name": "unet"}}, "'network.arguments' is missing"),
        ({"grid": ...}, "'grid' is missing"),
        ({"grid": {"spacing_mm": [1, 1, 0], "multiple_of": [1, 1, 1]}}, "'grid.spacing_mm' is not a list of positive"),
        (
            {"grid": {"spacing_mm": [1, 1, 1], "multiple_of": [1, 1]}},
            "multiple_of' has 2 numbers, and volumes need 3",
        ),
        (
            {"normalization": {"method": "percentile", "lower_percentile": 99, "upper_percentile": 1}},
            "percentiles 99 and 1 are not in rising order",
        ),
        ({"postprocessing": {"threshold": 1.5}}, "'postprocessing.threshold' is 1.5, not within 0 to 1"),
        ({"postprocessing": {"threshold": float("nan")}}, "'postprocessing.threshold' is nan, not a finite number"),
        ({"postprocessing": {"threshold": 0.5, "fill_holes": "no"}}, "fill_holes' is not true or false"),
        ({"labels": []}, "'labels' is empty"),
        ({"labels": [{"name": "Liver", "value": 1}]}, "'labels[0].snomed' is missing"),
        ({"labels": manifest()["labels"] * 2}, "two of its labels have the same value"),
        ({"normal_ranges": {"features": {}}}, "'normal_ranges.settings' is missing"),
        ({"normal_ranges": {**RANGES, "count": 0}}, "'normal_ranges.count' is below 1"),
        ({"normal_ranges": {**RANGES, "settings": {**RANGE_SETTINGS, "bin_width": 0}}}, "settings.bin_width' is 0"),
        ({"normal_ranges": {**RANGES, "settings": {**RANGE_SETTINGS, "dimensions": 4}}}, "dimensions' is not 2 or 3"),
        ({"normal_ranges": {**RANGES, "features": {"shape_Flatness": {"mean": 0.6}}}}, "_Flatness.sd' is missing"),
        ({"metrics": {"test": {"cases": [1]}}}, "'metrics.test.cases' is not a list of objects"),
        ({"normalization": {"method": "percentile"}}, "'normalization.lower_percentile' is missing"),
        ({"normalization": {**PERCENTILES, "method": "z-score"}}, "'normalization.method' is 'z-score'"),
        ({"grid": {**GRID, "keep_slices_from_mm": "5"}}, "'grid.keep_slices_from_mm' is not a number"),
        ({"grid": {**GRID, "keep_slices_to_mm": 10**400}}, "'grid.keep_slices_to_mm' is 1000"),
        ({"grid": {**GRID, "multiple_of": [10**9, 1, 1]}}, "'grid.multiple_of' holds a number above 256"),
        (
            {"grid": {"spacing_mm": [2, 2], "multiple_of": [2, 2, 2]}},
            "spacing_mm' has 2 numbers, and volumes need 3",
        ),
        ({"grid": {**GRID, "crop": "head"}}, '\'grid.crop\' is "head", not "body" or null'),
        ({"mirror_axes": "xyz"}, "'mirror_axes' is not a list of 'x', 'y', 'z'"),
        ({"mirror_axes": ["t"]}, "'mirror_axes' is not a list of 'x', 'y', 'z'"),
        ({"mirror_axes": [["x"]]}, "'mirror_axes' is not a list of 'x', 'y', 'z'"),
        ({"limits": 3}, "'limits' is neither a text nor a list of texts"),
        ({"limits": [3]}, "'limits' is neither a text nor a list of texts"),
        ({"inputs": ["CT"]}, "each must be one of 'T1', 'T2', 'T1 or T2'"),
        ({"inputs": ["T1", "T2"]}, "its strategy 'single' does not take the inputs ['T1', 'T2']"),
        ({"strategy": "telepathy"}, "asks for the strategy 'telepathy', which this LiverPair does not know"),
        ({"network": {"name": "evil", "arguments": {}}}, "asks for the network 'evil', which this LiverPair does not"),
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
    with pytest.raises(BundleError, match="the network 'oracle', which this LiverPair does not know; known are .*unet"):
        Bundle.load(folder).network()
    edit_manifest(folder, network={"name": "unet", "arguments": {"wisdom": 3}})
    with pytest.raises(BundleError, match="arguments that do not fit the network 'unet'"):
        Bundle.load(folder).network()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"widths": [10**9, 10**9]}, "'network.arguments' holds 1000000000, beyond 4096"),
        ({"widths": [4] * 100_000}, "'network.arguments' holds 100002 values"),
        ({"kernels": [[10**6] * 3] * 2}, "'network.arguments' holds 1000000, beyond 4096"),
        ({"kernels": [[10**400] * 3] * 2}, "beyond 4096"),
        ({"dropout": float("nan")}, "'network.arguments' holds nan"),
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


def test_the_networks_a_manifest_may_name_are_those_there_are():
    assert set(manifest_module.NETWORKS) == set(networks.NETWORKS)


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
