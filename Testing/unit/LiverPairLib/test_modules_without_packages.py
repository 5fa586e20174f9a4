"""The modules open in a Slicer that has none of the packages that only a task needs, and say so in a sentence then."""

import subprocess
import sys
from pathlib import Path

import pytest

from liverpair.core.errors import MissingPackageError
from liverpair.io.dicom_headers import slices_of_file

ROOT = Path(__file__).resolve().parents[3]
HIDDEN = ("torch", "monai", "pydicom", "highdicom", "scipy", "safetensors", "psutil", "pytorch_lightning", "matplotlib",
          "openvino", "radiomics", "jsonargparse", "tensorboard", "yaml", "skimage", "pandas")  # fmt: skip
OPEN_ALL = f"""
import sys

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {HIDDEN}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.path.insert(0, "{ROOT.as_posix()}")
sys.meta_path.insert(0, Hidden)
from Testing.harness import start

harness = start()
for name in ("LiverMultimodal", "LesionPairDetect", "DeepDreamInspector"):
    harness.load_module(f"{ROOT.as_posix()}/{{name}}/{{name}}.py")
    assert harness.main_window.harness_panel() is not None
harness.check()
"""


def test_every_module_opens_without_the_packages_that_only_tasks_need():
    pytest.importorskip("PySide6", reason="the harness needs PySide6")
    pytest.importorskip("slicer", reason="the harness needs slicer-core")
    done = subprocess.run([sys.executable, "-c", OPEN_ALL], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_dicom_file_without_pydicom_is_named_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    image, other = tmp_path / "slice", tmp_path / "notes.txt"
    image.write_bytes(bytes(128) + b"DICM")
    other.write_text("nothing")
    assert slices_of_file(other) == []
    with pytest.raises(MissingPackageError, match="'slice' is a DICOM file; the Python package 'pydicom'"):
        slices_of_file(image)
