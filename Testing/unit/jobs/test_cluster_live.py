"""Studies on a running dask cluster, and in the jobs of a queue."""

import json
import os
import stat
import subprocess
import sys
from collections import deque
from pathlib import Path

import batch_work
import pytest
import thresholding
from brightness_bundle import write_brightness_bundle

from liverpair import cli
from liverpair.core.errors import InputError
from liverpair.io.study_list import ListedStudy
from liverpair.jobs import cluster
from liverpair.jobs.cluster import Workers, cluster_options, connected, on_workers
from liverpair.jobs.study_batch import StudyTask

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.process


@pytest.fixture
def scheduler(tmp_path):
    """The address of a dask scheduler on this machine with a worker of one thread, and the worker's process."""
    pytest.importorskip("distributed")
    place = tmp_path / "scheduler.json"
    about = ["--scheduler-file", str(place), "--host", "127.0.0.1"]
    commands = [
        ["distributed.cli.dask_scheduler", *about, "--port", "0", "--no-dashboard"],
        ["distributed.cli.dask_worker", *about, "--nthreads", "1", "--no-nanny", "--no-dashboard"],
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = []
    with (tmp_path / "log.txt").open("wb") as log:
        for command in commands:
            one = subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=log, env=environment)
            processes.append(one)
        while not place.exists():
            assert all(process.poll() is None for process in processes), (tmp_path / "log.txt").read_text()
        yield json.loads(place.read_text())["address"], processes[1].pid
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=60)


def test_studies_are_done_by_the_workers_of_a_running_scheduler(scheduler, tmp_path, capsys):
    address, worker = scheduler
    for name in ("anna", "bert"):
        thresholding.volume(tmp_path / "studies" / name / "t1.nii.gz", 2)
    write_brightness_bundle(tmp_path / "model")
    words = ["segment", "--studies", str(tmp_path / "studies"), "-o", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--model", str(tmp_path / "model"), "--scheduler", address]
    assert cli.main(words) == 0
    assert "2 done" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["workers"]["scheduler"] == address
    assert [study["process"] for study in record["studies"]] == [worker, worker]
    assert all((tmp_path / "out" / name / "t1_liver.nii.gz").is_file() for name in ("anna", "bert"))
    assert cli.main(words) == 0 and "2 skipped" in capsys.readouterr().out  # the scheduler goes on


SUBMIT = """#!/bin/bash
cp "$1" "{folder}/$$.job"
setsid bash "{folder}/$$.job" >"{folder}/$$.log" 2>&1 &
echo "Submitted batch job $!"
"""
CANCEL = """#!/bin/bash
kill -- "-$1"
"""
REFUSE = """#!/bin/bash
echo 'sbatch: error: invalid partition specified: gold' >&2
exit 1
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A folder with the scripts of the jobs that were submitted: in place of Slurm, this machine runs them at once."""
    pytest.importorskip("dask_jobqueue")
    folder = tmp_path / "queue"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(batch_work.__file__).parent)]))
    command(folder / "sbatch", SUBMIT.format(folder=folder))
    command(folder / "scancel", CANCEL)
    return folder


def command(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


OPTIONS = """
queue: gpu
cores: 3
memory: 6GB
walltime: "10:00:00"
interface: lo
job_extra_directives: ["--gres=gpu:1"]
job_script_prologue: ["module load cuda"]
"""
SCRIPT = """#SBATCH -J dask-worker
#SBATCH -p gpu
#SBATCH -n 1
#SBATCH --cpus-per-task=3
#SBATCH --mem=6G
#SBATCH -t 10:00:00
#SBATCH --gres=gpu:1
export DASK_DISTRIBUTED__WORKER__MEMORY__TARGET=False
export DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False
export DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False
module load cuda
"""


def test_a_job_of_a_queue_is_a_worker_with_the_options_of_the_users_file(slurm, tmp_path, monkeypatch):
    import dask

    monkeypatch.setattr(cluster, "SUBMIT_AGAIN_S", 1.0)
    (tmp_path / "slurm.yaml").write_text(OPTIONS)
    workers = Workers(1, cluster="slurm", cluster_options=cluster_options(tmp_path / "slurm.yaml"))
    queue = deque(
        StudyTask("segment", ListedStudy(name, tmp_path), tmp_path, {}) for name in ("anna", "job-ends", "bert")
    )
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}), connected(workers, []) as client:
        found = {task.study.name: outcome for task, outcome in on_workers(client, queue, batch_work.work) if task}
        threads = client.nthreads()
    outcomes = {name: outcome.outcome for name, outcome in found.items()}
    assert outcomes == {"anna": "done", "job-ends": "done", "bert": "done"}
    assert list(threads.values()) == [3]  # one worker a job, with all its cores
    scripts = [path.read_text() for path in slurm.glob("*.job")]
    assert len(scripts) == 2  # the second for the one that ended before the batch
    for script in scripts:
        lines = [line for line in script.splitlines() if line]
        assert lines[1:-1] == SCRIPT.splitlines()
        assert lines[-1].startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://127.0.0.1:")
        assert " --nthreads 3 --memory-limit 5.59GiB --nanny " in lines[-1] and "--nworkers" not in lines[-1]


def test_a_queue_that_takes_no_job_is_told_in_one_sentence(slurm):
    workers = Workers(2, cluster="slurm", cluster_options={"cores": 1, "memory": "1GB", "interface": "lo"})
    command(slurm / "sbatch", REFUSE)
    sentence = "'sbatch' took no job: sbatch: error: invalid partition specified: gold. Mend"
    with pytest.raises(InputError, match=sentence):
        connected(workers, []).__enter__()
    (slurm / "sbatch").unlink()
    with pytest.raises(InputError, match="There is no 'sbatch' on this machine. Run this where jobs can be submitted."):
        connected(workers, []).__enter__()
