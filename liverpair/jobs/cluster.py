"""Studies on several workers at once: processes of this machine or of a cluster, by dask.distributed.

A worker does one study at a time and keeps its models loaded for the next. One that dies costs one retry of the study
that it was at; a second death fails that study, and no other.
"""

import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError, MissingPackageError, WorkerError, no_progress
from liverpair.core.memory import take_share
from liverpair.jobs.study_batch import FAILED, StudyOutcome, StudyTask, do_study

if TYPE_CHECKING:
    from distributed import Client, Future

DIED = (
    "The worker that did this study died, twice. It most likely ran out of memory: run the same command again with "
    "fewer --workers."
)
HOW_TO_INSTALL = "pip install 'liverpair[batch]'"
TICK_S = 0.5
SUBMIT_AGAIN_S = 60.0
"""How often it is looked whether a job of a queue has ended before the batch."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_CONFIGURATION = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}
"""One retry; no second study waits on a worker that may die; a worker that needs more than its share ends."""


@dataclass(frozen=True)
class Workers:
    """Where a batch is computed: on `count` processes of this machine, on the `scheduler` of a running cluster, or on
    `count` jobs of the queue `cluster`, with the options in a file. None of them: in this process.
    """

    count: int | None = None
    scheduler: str | None = None
    cluster: str | None = None
    cluster_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        """Whether nothing but this machine is meant."""
        return self.scheduler is None and self.cluster is None


@dataclass(frozen=True)
class WorkerShare:
    """What one worker of this machine gets: threads, bytes of memory, and the number of its GPU, None for all."""

    threads: int
    memory: int
    gpu: int | None = None


def shares(count: int | None, device: str, gpus: int, cores: int, memory: int) -> list[WorkerShare]:
    """What each worker of a machine gets; none where the batch is best done in this process.

    Parameters
    ----------
    count
        How many are asked for; None for one a GPU where there are several and the device is free to choose.
    device
        As of `core.device.choose_device`.
    gpus, cores, memory
        CUDA GPUs, processor cores and bytes of this machine.
    """
    spread = gpus if device.strip().lower() in ("auto", "gpu", "cuda") else 0
    count = count or (spread if spread > 1 else 0)
    return [
        WorkerShare(max(1, cores // count), memory // count, number % spread if spread > 1 else None)
        for number in range(count)
    ]


def shares_here(workers: Workers, device: str) -> list[WorkerShare]:
    """`shares` of this machine."""
    import psutil

    from liverpair.core.device import Hardware

    gpus = len(Hardware.detect().cuda) if device != "cpu" else 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return shares(workers.count, device, gpus, cores, psutil.virtual_memory().total)


def installed() -> bool:
    """Whether dask.distributed is there."""
    return find_spec("distributed") is not None


@contextmanager
def connected(workers: Workers, local: list[WorkerShare]) -> "Iterator[Client]":
    """A client of the workers, which are started first unless they run already, and end with the block.

    Raises `MissingPackageError`, or `InputError` for a scheduler that does not answer or options it does not take.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise MissingPackageError("Several workers need the package 'dask'.", f"{HOW_TO_INSTALL}.") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(_CONFIGURATION):
        if workers.scheduler is not None:
            try:
                client = distributed.Client(workers.scheduler, timeout=20)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"No scheduler answers at '{workers.scheduler}'.", "Start one with 'dask scheduler'."
                ) from error
            with client:
                yield client
            return
        places = _queue(workers) if workers.cluster else _this_machine(local)
        with places as cluster, distributed.Client(cluster) as client:
            yield client


def on_workers(client: "Client", queue: "deque[StudyTask]", work: Any = do_study) -> Iterator[tuple[Any, Any]]:
    """Each task of `queue`, which may grow meanwhile, with its outcome, in the order in which they are done; (None,
    the number of workers) every half second while none is.

    As many tasks are on the way as there are workers, so that the death of one concerns one study. Raises `WorkerError`
    when the scheduler is gone.
    """
    from distributed import wait

    running: dict[Future, StudyTask] = {}
    while queue or running:
        try:
            slots = len(client.nthreads())
            while queue and len(running) < slots:
                task = queue.popleft()
                running[client.submit(partial(_alone, work), task, pure=False)] = task
            if running:
                wait(list(running), timeout=TICK_S, return_when="FIRST_COMPLETED")
        except TimeoutError:
            pass
        except OSError as error:
            raise _gone() from error
        finished = [future for future in running if future.done()]
        if not finished:
            if client.status != "running":
                raise _gone()
            if not running:
                sleep(TICK_S)
            yield None, slots
        for future in finished:
            task = running.pop(future)
            yield task, _outcome(task, future)


def _outcome(task: StudyTask, future: "Future") -> Any:
    from distributed.scheduler import KilledWorker

    if future.status == "finished":
        return future.result()
    if future.status in ("lost", "cancelled"):
        raise _gone()
    error = future.exception()
    if isinstance(error, KilledWorker):
        return StudyOutcome(task.study.name, FAILED, tries=2, kind=WorkerError.kind, failure=DIED)
    said = f"A worker cannot do it ({type(error).__name__}: {str(error)[:200]})."
    hint = "Is the same version of LiverPair installed there?"
    return StudyOutcome(task.study.name, FAILED, kind=WorkerError.kind, failure=f"{said} {hint}")


def _gone() -> WorkerError:
    return WorkerError("The scheduler of the workers is gone.", "Run the same command again: what is done is skipped.")


_one = Lock()


def _alone(work: Any, task: StudyTask) -> Any:
    """`work`, one study at a time in a process, however many threads its worker has: the network uses them all."""
    with _one:
        _take_share()
        return work(task, no_progress)


@cache
def _take_share() -> None:
    """Keep this process to the threads and the memory of its worker."""
    import SimpleITK as sitk
    import torch
    from distributed import get_worker

    worker = get_worker()
    threads = max(worker.state.nthreads, int(os.environ.get(_THREAD_VARIABLES[0], 1)))
    torch.set_num_threads(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    if worker.memory_manager.memory_limit:
        take_share(worker.memory_manager.memory_limit)


def _this_machine(local: list[WorkerShare]) -> Any:
    from distributed import Nanny, Scheduler, SpecCluster

    def options(share: WorkerShare) -> dict[str, Any]:
        own = dict.fromkeys(_THREAD_VARIABLES, str(share.threads))
        if share.gpu is not None:
            own["CUDA_VISIBLE_DEVICES"] = _visible(share.gpu)
        limits = {"nthreads": 1, "memory_limit": share.memory, "silence_logs": logging.CRITICAL}
        return {**limits, "env": own, "dashboard": False}

    return SpecCluster(
        workers={number: {"cls": Nanny, "options": options(share)} for number, share in enumerate(local)},
        scheduler={"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False}},
        silence_logs=logging.CRITICAL,
    )


def _visible(gpu: int) -> str:
    """The name of this GPU to CUDA, where some of them are hidden from us."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return names.split(",")[gpu].strip() if names else str(gpu)


@contextmanager
def _queue(workers: Workers) -> Iterator[Any]:
    """As many jobs of a queue as are asked for, one worker each unless the options say otherwise. One that ends before
    the batch, as its time is up, is submitted again."""
    try:
        import dask
        import dask_jobqueue
    except ImportError as error:
        raise MissingPackageError("--cluster needs the package 'dask-jobqueue'.", f"{HOW_TO_INSTALL}.") from error
    from tornado.ioloop import PeriodicCallback

    kinds = {name.removesuffix("Cluster").lower(): name for name in dir(dask_jobqueue) if name.endswith("Cluster")}
    if workers.cluster not in kinds:
        raise InputError(f"The cluster '{workers.cluster}' is unknown.", f"Choose one of {', '.join(sorted(kinds))}.")
    configured = dask.config.get(f"jobqueue.{workers.cluster}", {})
    options = {"processes": configured.get("processes") or 1, **workers.cluster_options}
    prologue = options.get("job_script_prologue") or configured.get("job-script-prologue") or []
    try:
        options["job_script_prologue"] = _worker_settings() + ([prologue] if isinstance(prologue, str) else prologue)
        cluster = getattr(dask_jobqueue, kinds[workers.cluster])(**options)
    except (TypeError, ValueError, RuntimeError) as error:
        told = str(error).partition(". Very likely")[0].partition("\njob_kwargs")[0]
        raise InputError(
            f"These options are not for the cluster '{workers.cluster}': {_in_one_line(told)}.",
            "They are those of dask-jobqueue, as 'queue: gpu', 'cores: 8', 'memory: 32GB', 'walltime: \"08:00:00\"'.",
        ) from error
    jobs = workers.count or 1
    with cluster:
        _submit(cluster, jobs)
        again = PeriodicCallback(lambda: cluster.scale(jobs=jobs), 1000 * SUBMIT_AGAIN_S)
        cluster.loop.add_callback(again.start)
        try:
            yield cluster
        finally:
            cluster.loop.add_callback(again.stop)  # before its jobs are taken back, else they would come again


def _worker_settings() -> list[str]:
    """Lines of a job's script that give its workers our configuration: they read none of this machine."""
    return [
        f"export DASK_{key.upper().replace('.', '__').replace('-', '_')}={value}"
        for key, value in _CONFIGURATION.items()
        if key.startswith("distributed.worker.")
    ]


def _submit(cluster: Any, jobs: int) -> None:
    """Raises `InputError` when the queue takes no job."""
    from distributed import Status

    async def submitted() -> None:
        cluster.scale(jobs=jobs)
        await cluster

    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)
    try:
        cluster.sync(submitted)
    except (OSError, RuntimeError, ValueError) as error:
        if any(job.job_id for job in cluster.workers.values()):
            return  # with those that it took
        for job in cluster.workers.values():
            job.status = Status.failed  # else closing the cluster waits for it
        command = cluster.job_cls.submit_command
        if isinstance(error, FileNotFoundError):
            sentence = f"There is no '{command}' on this machine."
            raise InputError(sentence, "Run this where jobs can be submitted.") from error
        said = str(error).partition("stderr:\n")[2] or str(error)
        raise InputError(
            f"'{command}' took no job: {_in_one_line(said)}.", "Mend the options of the cluster."
        ) from error


def _in_one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def cluster_options(path: Path) -> dict[str, Any]:
    """The options in a YAML or JSON file. Raises `InputError` when it holds none, or a time that is not in quotes."""
    import yaml

    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise InputError(f"'{path}' cannot be read as YAML.", "Write one option a line, as 'cores: 8'.") from error
    if not isinstance(options, dict):
        raise InputError(f"'{path}' holds no options.", "Write one option a line, as 'cores: 8'.")
    if isinstance(options.get("walltime"), int):
        raise InputError(
            f"The walltime in '{path}' is not in quotes, and YAML reads it as {options['walltime']}.",
            "Write it as 'walltime: \"10:00:00\"'.",
        )
    return options
