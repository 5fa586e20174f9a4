"""Studies on several workers: what each gets, and what a worker's death costs."""

from collections import deque
from pathlib import Path

import pytest
from batch_work import work

from liverpair.core import memory
from liverpair.core.errors import InputError
from liverpair.io.study_list import ListedStudy
from liverpair.jobs.cluster import DIED, Workers, WorkerShare, cluster_options, connected, on_workers, shares
from liverpair.jobs.study_batch import StudyTask

GB = 2**30


@pytest.mark.parametrize(
    ("count", "device", "gpus", "threads_and_gpus"),
    [
        (None, "cpu", 0, []),
        (None, "auto", 1, []),
        (None, "auto", 3, [(2, 0), (2, 1), (2, 2)]),
        (None, "cuda:1", 3, []),
        (None, "cpu", 3, []),
        (2, "auto", 0, [(4, None), (4, None)]),
        (2, "cuda", 1, [(4, None), (4, None)]),
        (4, "gpu", 2, [(2, 0), (2, 1), (2, 0), (2, 1)]),
        (2, "cuda:1", 2, [(4, None), (4, None)]),
        (16, "cpu", 0, [(1, None)] * 16),
    ],
)
def test_threads_memory_and_gpus_are_divided(count, device, gpus, threads_and_gpus):
    found = shares(count, device, gpus, cores=8, memory=48 * GB)
    each = 48 * GB // max(1, len(found))
    assert found == [WorkerShare(threads, each, gpu) for threads, gpu in threads_and_gpus]


def tasks(output: Path, *names: str) -> "deque[StudyTask]":
    return deque(StudyTask("segment", ListedStudy(name, output), output, {}) for name in names)


@pytest.mark.process
def test_a_worker_that_dies_costs_one_retry_of_one_study(tmp_path):
    pytest.importorskip("distributed")
    queue = tasks(tmp_path, *"abcd", "once-1", "always-1", *"efgh", "raises-1", "once-2", *"ijk")
    asked = {task.study.name for task in queue}
    with connected(Workers(2), shares(2, "cpu", 0, 2, 8 * GB)) as client:
        found = {task.study.name: outcome for task, outcome in on_workers(client, queue, work) if task}
    assert set(found) == asked
    failed = {name: outcome.failure for name, outcome in found.items() if outcome.outcome == "failed"}
    assert set(failed) == {"always-1", "raises-1"} and failed["always-1"] == DIED
    assert "(RuntimeError: a defect)" in failed["raises-1"]
    assert found["always-1"].tries == 2
    assert len({outcome.process for outcome in found.values() if outcome.process}) > 2  # new ones took their place


def test_an_address_where_no_scheduler_is_is_refused(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def nobody(address: str, timeout: float) -> None:
        raise OSError(f"Timed out trying to connect to {address} after {timeout} s")

    monkeypatch.setattr(distributed, "Client", nobody)
    with pytest.raises(InputError, match="No scheduler answers at 'tcp://nobody:1'"):
        connected(Workers(scheduler="tcp://nobody:1"), []).__enter__()


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("abacus", {}, "The cluster 'abacus' is unknown. Choose one of .*slurm"),
        (
            "slurm",
            {"cores": 1, "memory": "1GB", "color": "red"},
            "These options are not for the cluster 'slurm': Got unexpected keyword argument 'color'. They are",
        ),
        ("slurm", {"cores": 1}, "not for the cluster 'slurm': You must specify how much cores and memory per job"),
        ("slurm", {"cores": 1, "memory": "much"}, "not for the cluster 'slurm': Could not interpret 'much' as"),
        ("slurm", {"cores": 1, "memory": "1GB", "interface": "none0"}, "'none0' is not a valid network interface"),
    ],
)
def test_a_queue_or_its_options_that_are_unknown_are_refused(kind, options, sentence):
    pytest.importorskip("dask_jobqueue")
    with pytest.raises(InputError, match=sentence) as refused:
        connected(Workers(1, cluster=kind, cluster_options=options), []).__enter__()
    assert "\n" not in str(refused.value)


def test_the_options_of_a_queue_come_from_a_file(tmp_path):
    path = tmp_path / "slurm.yaml"
    path.write_text("queue: gpu\ncores: 8\nmemory: 32GB\n")
    assert cluster_options(path) == {"queue": "gpu", "cores": 8, "memory": "32GB"}
    path.write_text("queue gpu")
    with pytest.raises(InputError, match="holds no options"):
        cluster_options(path)
    path.write_text("walltime: 10:00:00")
    with pytest.raises(InputError, match="The walltime in '.*' is not in quotes, and YAML reads it as 36000."):
        cluster_options(path)
    with pytest.raises(InputError, match="cannot be read"):
        cluster_options(tmp_path / "none.yaml")


def test_a_share_of_the_memory_is_all_that_is_planned_with(monkeypatch):
    monkeypatch.setattr(memory, "_share", [])
    memory.take_share(1)
    assert memory.available_memory() == 0
    whole = 2**62
    memory.take_share(whole)
    assert 0 < memory.available_memory() < whole
