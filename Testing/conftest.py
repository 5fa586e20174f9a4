"""What every test runs under: no display, few threads, no user's models and caches, real MRI where there is any."""

import itertools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 1
PROCESS_GB = 5.0
"""Memory that a process with tests may come to need."""
THREADS = str(max(1, min(4, CORES // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))))
"""More threads than this gain nothing on the small inputs of tests; child processes inherit the number."""

# pytest puts this folder on the import path. slicer-core imports whatever it finds there in a folder called slicer.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != ROOT / "Testing"]

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for variable in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(variable, THREADS)

# Modules are loaded anew for hundreds of tests, and by every worker process: let them be compiled once.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("liverpair", deadline=None)
settings.load_profile("liverpair")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means: as many as there are cores, or fit into memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return CORES
    return max(1, min(CORES, int(memory / 1e9 / PROCESS_GB)))


MARKED = {
    "training": ("contracts/test_contract_of_experiments.py", "unit/reproduction/", "unit/training/"),
    "process": (
        "slicer/",
        "unit/worker/",
        "unit/LiverPairLib/test_modules_without_packages.py",
        "unit/DeepDreamInspector/test_module_deep_dream_inspector_worker.py",
        "unit/LesionPairDetect/test_module_lesion_pair_detect_worker.py",
        "unit/LiverMultimodal/test_module_liver_multimodal_worker.py",
    ),
    "slow": (
        "unit/LiverPairLib/test_panel_sizes.py",
        "unit/LiverMultimodal/test_module_liver_multimodal_strategies.py",
        "unit/LiverMultimodal/test_module_liver_multimodal_views.py",
        "unit/LesionPairDetect/test_module_lesion_pair_detect_runs.py",
        "unit/LesionPairDetect/test_module_lesion_pair_detect_session.py",
        "unit/LesionPairDetect/test_module_lesion_pair_detect_table.py",
        "unit/benchmarks/",
        "unit/bundle/test_nnunet_trained.py",
        "unit/commands/test_demo.py",
        "unit/commands/test_doctor.py",
        "unit/engine/test_engines_agree.py",
        "unit/synthesis/test_synthesis_phantom.py",
    ),
}
"""Marks by the place of a test below this folder: what trains, what starts processes, what takes long otherwise.
`quickstart.py test --fast` leaves all of them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the marks of its place."""
    for item in items:
        place = item.path.relative_to(ROOT / "Testing").as_posix()
        for mark, places in MARKED.items():
            if place.startswith(places):
                item.add_marker(mark)


_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """A cache of the test run's own: it neither reads nor writes what LiverPair remembers for the user."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVERPAIR_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def user_bundles_folder(tmp_path_factory, monkeypatch):
    """An empty folder of imported models for every test. It does not exist yet, as on a new machine."""
    folder = tmp_path_factory.getbasetemp() / "user-bundles" / str(next(_numbers))
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(folder))
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(folder / "none"))
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with real MRI: `LIVERPAIR_DATA`, else `../shared/data` beside the checkout. Skips if there is none."""
    folder = Path(os.environ.get("LIVERPAIR_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "chaos_mr").is_dir():
        pytest.skip(f"There is no real MRI in '{folder}'; set LIVERPAIR_DATA to the folder that holds chaos_mr.")
    return folder
