"""`doctor` on a machine that works, and on machines that lack something."""

import json
import shutil
from types import SimpleNamespace

import pytest
import SimpleITK as sitk
from bundle_factory import write_bundle

import liverpair.commands.doctor_installation as installation
import liverpair.commands.doctor_machine as machine
import liverpair.commands.doctor_self_test as self_test
import liverpair.core.device
from liverpair import cli
from liverpair.commands.doctor_probe import Finding, Probe
from liverpair.core.device import Hardware
from liverpair.core.errors import BundleError, OutOfMemoryError
from liverpair.core.paths import shipped_bundles_folder
from liverpair.engine import kinds
from liverpair.io.study import write_image
from liverpair.jobs.jobs import JOBS


def states(findings):
    return [finding.state for finding in findings]


def doctor(capsys, *words):
    """Exit code and page of a doctor that tests nothing itself."""
    code = cli.main(["doctor", "--no-self-test", *words])
    return code, capsys.readouterr().out


@pytest.fixture
def no_openvino(monkeypatch):
    for module in (kinds, installation):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == "openvino" else object())


@pytest.fixture
def phantom(monkeypatch):
    """A phantom whose liver is known, in place of the modeled one."""
    drawn = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    drawn[2:6, 2:6, 2:6] = 1

    def write(path):
        write_image(sitk.Cast(drawn, sitk.sitkFloat32), path)
        return drawn

    monkeypatch.setattr(self_test, "write_phantom", write)
    return drawn


def install_job(monkeypatch, mask, notes=()):
    """A job "segment" that finds `mask`."""
    asked = []

    def job(request, progress):
        asked.append(request)
        path = f"{request['output']}/t1_liver.nii.gz"
        write_image(mask, path)
        made_by = {"engine": "torch-fp32", "device": "cpu"}
        return {"t1": {"liver": path}, "provenance": made_by, "notes": list(notes)}

    monkeypatch.setitem(JOBS, "segment", job)
    return asked


def test_the_liver_of_the_phantom_is_found_by_the_job_of_users():
    found, *_ = self_test.self_test()
    assert found.state == "ok" and found.sentence.startswith("OK: the liver of the phantom is found")
    assert found.values["dice"] > 0.85 and 0 < found.values["warm_s"] < found.values["cold_s"]


def test_where_all_works_the_page_says_so(capsys, tmp_path):
    code, page = doctor(capsys, "--json", str(tmp_path / "new" / "doctor.json"))
    assert code == 0 and page.endswith("\nEverything that is needed works.\n")
    assert all(f"\n{title}\n" in page for title in ("Packages", "Models", "Folders", "Computing", "Engine"))
    assert "Self-test" not in page and "\nX " not in page
    written = json.loads((tmp_path / "new" / "doctor.json").read_text(encoding="utf-8"))
    assert written["works"] is True
    models = {model["name"]: model for model in written["Models"]}
    assert models["liver-t1t2"]["task"] == "segmentation" and models["liver-t1t2"]["shipped"] is True
    assert all(entry["sentence"] in page for entry in written["Computing"])


def test_a_fault_is_marked_and_decides_the_exit_code(capsys, monkeypatch):
    monkeypatch.setattr(installation, "PACKAGES", [Probe("Packages", lambda: [Finding("fault", "It is broken.")])])
    code, page = doctor(capsys)
    assert code == 1 and "X It is broken." in page and page.endswith("Not everything that is needed works: see X.\n")


@pytest.mark.parametrize(("needed", "state"), [(True, "fault"), (False, "note")])
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero."),
        (BundleError("It is torn.", "Import it again."), "It is torn. Import it again."),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "The Python package 'torch' is not installed."),
        (AssertionError(), "AssertionError."),
    ],
)
def test_a_probe_that_fails_is_told_in_a_sentence(error, why, needed, state):
    def look():
        raise error

    (found,) = Probe("The memory is not known", look, needed).findings()
    assert found.state == state and found.sentence.startswith(f"The memory is not known: {why}")


def test_every_probe_may_fail_and_the_page_is_whole(capsys, monkeypatch):
    def broken():
        raise OSError("broken")

    for module, name in ((installation, "PACKAGES"), (installation, "MODELS"), (installation, "FOLDERS")):
        monkeypatch.setattr(module, name, [Probe(name, broken)])
    for name in ("COMPUTING", "ENGINE"):
        monkeypatch.setattr(machine, name, [Probe(name, broken)])
    monkeypatch.setattr(self_test, "SELF_TEST", [Probe("Self-test", broken, needed=True)])
    assert cli.main(["doctor"]) == 1
    page = capsys.readouterr().out
    assert page.count(": OSError: broken.") == 6 and page.count("\nX ") == 1


@pytest.mark.parametrize("cuda_build", [True, False])
def test_without_a_gpu_the_processor_computes(monkeypatch, cuda_build):
    monkeypatch.setattr(Hardware, "detect", lambda: Hardware(cpu="Some CPU", cuda_build=cuda_build))
    (found,) = machine.device()
    assert found.state == "ok" and found.values["device"] == "cpu"
    assert found.sentence.startswith("Computes on the CPU: PyTorch")
    assert ("built without CUDA" in found.sentence) is not cuda_build


def test_the_best_gpu_computes_where_there_is_one(monkeypatch):
    monkeypatch.setattr(Hardware, "detect", lambda: Hardware(cuda=("Big", "Small"), cpu="Some CPU"))
    (found,) = machine.device()
    assert found.values["device"] == "cuda:0"
    assert found.sentence == "Computes on GPU 0: Big, the best of GPU 0: Big, GPU 1: Small, CPU: Some CPU."


def test_the_processor_is_told_with_what_networks_gain_by(monkeypatch):
    flags = {"avx2": True, "avx512_f": True, "avx512_bf16": True, "amx_bf16": False, "sse": True}
    monkeypatch.setattr(liverpair.core.device, "processor_flags", lambda: flags)
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found, idle = machine.processor()
    assert "AVX2, AVX-512, AVX-512 BF16; multiplies bfloat16 itself. 1 of 8 cores compute." in found.sentence
    assert idle.state == "note" and "OMP_NUM_THREADS=1" in idle.sentence


@pytest.mark.parametrize(("free", "state"), [(50 * 10**9, "ok"), (10**7, "note")])
def test_memory_is_told_with_what_a_liver_volume_needs(monkeypatch, free, state):
    monkeypatch.setattr("liverpair.core.memory.available_memory", lambda device: free)
    (found,) = machine.memory()
    assert found.state == state and found.values["free_bytes"] == free
    assert 10**8 < found.values["liver_volume_bytes"] < 10**9 and "380 × 280 × 280 mm" in found.sentence
    assert ("in windows" in found.sentence) == (state == "note")


def test_without_memory_information_the_rest_is_told(capsys, monkeypatch):
    def unknown(*_):
        raise ModuleNotFoundError("No module named 'psutil'", name="psutil")

    monkeypatch.setattr("liverpair.core.memory.available_memory", unknown)
    code, page = doctor(capsys)
    assert code == 0 and "! The memory is not known: The Python package 'psutil' is not installed." in page
    assert "Computes on" in page and "liver-t1t2" in page


def test_the_shape_of_a_liver_volume_is_that_of_the_working_grid():
    bundle = SimpleNamespace(
        grid=SimpleNamespace(spacing_mm=(2.0, 2.5, 6.0), multiple_of=(4, 16, 16)), inputs=["T1 or T2"]
    )
    # 280 / 6 = 46.7 -> 48; 280 / 2.5 = 112; 380 / 2 = 190 -> 192.
    assert machine.liver_shape(bundle) == (1, 1, 48, 112, 192)


def test_without_openvino_its_engine_is_out_and_the_cost_is_told(no_openvino):
    found = installation.packages()
    (missing,) = [finding for finding in found if finding.values.get("missing") == "openvino"]
    assert missing.state == "note" and "fastest engine on most processors" in missing.sentence
    engine, *out = machine.engine()
    assert engine.state == "ok" and engine.values["usable"][-1] == "torch-fp32"
    assert "Not openvino-fp32: the package 'openvino' is not installed." in [finding.sentence for finding in out]


def test_a_package_that_everything_needs_is_a_fault_when_it_is_missing(monkeypatch):
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name == "scipy" else object())
    (fault,) = [finding for finding in installation.packages() if finding.state == "fault"]
    assert fault.sentence == "'scipy' is missing: no liver can be segmented. Install it with pip."


def test_the_engine_that_segments_is_named(monkeypatch):
    monkeypatch.setattr(kinds, "native_bf16", lambda: True)
    monkeypatch.setattr(kinds, "find_spec", lambda name: None)
    found, *rest = machine.engine()
    assert found == Finding("ok", "Livers are segmented by torch-bf16.", found.values)
    assert found.values["precision"] == "bf16"
    assert "Not openvino-bf16: the package 'openvino' is not installed." in [finding.sentence for finding in rest]


def test_a_damaged_model_of_the_user_is_told_and_no_fault(user_bundles_folder):
    write_bundle(user_bundles_folder / "small")
    weights = user_bundles_folder / "small" / "weights.safetensors"
    assert states(installation.models()).count("ok") == len(installation.models())
    weights.write_bytes(weights.read_bytes()[:-1])
    (told,) = [finding for finding in installation.models() if finding.state != "ok"]
    assert told.state == "note" and f"'{user_bundles_folder / 'small'}' is not usable" in told.sentence
    assert told.sentence.endswith("To repair it, delete it, or import it again.")


def test_a_damaged_model_of_ours_is_a_fault(monkeypatch, tmp_path):
    shutil.copytree(shipped_bundles_folder() / "liver-t1t2", tmp_path / "shipped" / "liver-t1t2")
    (tmp_path / "shipped" / "liver-t1t2" / "weights.safetensors").write_bytes(b"")
    for name in ("shipped", "published"):
        monkeypatch.setattr(f"liverpair.bundle.catalogue.{name}_bundles_folder", lambda name=name: tmp_path / name)
    damaged, default = installation.models()
    assert states([damaged, default]) == ["fault", "fault"]
    assert damaged.sentence.endswith("install LiverPair again.") and "'liver-t1t2'" in default.sentence


def test_folders_that_cannot_be_written_to_are_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5 * 10**8))
    shipped, imported, cache, temporary = installation.folders()
    assert states([shipped, imported, cache, temporary]) == ["ok", "ok", "note", "note"]
    assert "not there yet" in imported.sentence and "cannot be written to" in cache.sentence
    assert "0.5 GB free" in temporary.sentence and "set TMPDIR" in temporary.sentence


def test_the_self_test_says_what_it_found(monkeypatch, phantom):
    asked = install_job(monkeypatch, phantom, notes=["The engine x failed."])
    found, note = self_test.self_test()
    assert [request["model"] for request in asked] == [["liver-t1t2"]] * 2
    assert found.state == "ok" and "Dice 1.00 (torch-fp32 on cpu, " in found.sentence
    assert note == Finding("note", "The engine x failed.")


def test_a_wrong_mask_fails_the_self_test(monkeypatch, phantom, capsys):
    wrong = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    wrong.CopyInformation(phantom)
    wrong[2:6, 2:6, 4:6] = 1  # half of the liver: 2 * 32 / (64 + 32)
    install_job(monkeypatch, wrong)
    (found,) = self_test.self_test()
    assert found.state == "fault" and "is not found: Dice 0.67 with the drawn one" in found.sentence
    assert cli.main(["doctor"]) == 1 and "X The liver of the phantom is not found" in capsys.readouterr().out


def test_a_job_that_fails_fails_the_self_test_in_a_sentence(monkeypatch, phantom):
    def job(*_):
        raise OutOfMemoryError("There is not enough memory.", "Close other programs.")

    monkeypatch.setitem(JOBS, "segment", job)
    (found,) = self_test.SELF_TEST[0].findings()
    assert found.state == "fault"
    assert found.sentence == "The self-test failed: There is not enough memory. Close other programs."


def test_a_file_that_cannot_be_written_is_said(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert cli.main(["doctor", "--no-self-test", "--json", str(tmp_path / "file" / "x.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_is_installed_as_liverpair():
    text = (shipped_bundles_folder().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.scripts]\nliverpair = "liverpair.cli:main"' in text
