"""Devices by injected hardware, processor features, and what a control group leaves of the memory."""

import psutil
import pytest
import torch

from liverpair.core import device as device_module
from liverpair.core.device import Hardware, available_devices, choose_device, native_bf16
from liverpair.core.errors import InputError
from liverpair.core.memory import available_memory

NOTHING = Hardware(cpu="Abacus")
TWO_GPUS = Hardware(cuda=("Alpha", "Beta"), cpu="Abacus")
APPLE = Hardware(mps=True, cpu="Abacus")


@pytest.mark.parametrize(
    ("name", "hardware", "expected"),
    [
        ("auto", NOTHING, "cpu"),
        ("auto", TWO_GPUS, "cuda:0"),
        ("auto", APPLE, "mps"),
        ("auto", Hardware(cuda=("Alpha",), mps=True), "cuda:0"),
        ("cpu", TWO_GPUS, "cpu"),
        (" CPU ", NOTHING, "cpu"),
        ("gpu", TWO_GPUS, "cuda:0"),
        ("gpu", APPLE, "mps"),
        ("cuda", TWO_GPUS, "cuda:0"),
        ("cuda:1", TWO_GPUS, "cuda:1"),
        ("mps", APPLE, "mps"),
    ],
)
def test_the_device_that_is_taken(name, hardware, expected):
    assert choose_device(name, hardware) == torch.device(expected)


@pytest.mark.parametrize(
    ("name", "hardware", "words"),
    [
        ("gpu", NOTHING, "There is no GPU that PyTorch can use on this machine. Choose 'auto' or 'cpu'."),
        ("cuda", APPLE, "There is no CUDA GPU that PyTorch can use on this machine. Choose 'auto' or 'cpu'."),
        ("cuda", Hardware(cuda_build=False), "install a PyTorch built with CUDA."),
        ("mps", TWO_GPUS, "There is no Apple GPU that PyTorch can use on this machine. Choose 'auto' or 'cpu'."),
        (
            "cuda:2",
            TWO_GPUS,
            "There is no GPU number 2 on this machine. There are: cuda:0 (Alpha), cuda:1 (Beta).",
        ),
        ("tpu", TWO_GPUS, "The device 'tpu' is unknown. Choose auto, cpu,"),
        ("cuda:x", TWO_GPUS, "The device 'cuda:x' is unknown."),
        ("cuda:-1", TWO_GPUS, "The device 'cuda:-1' is unknown."),
        ("", NOTHING, "The device '' is unknown."),
    ],
)
def test_a_device_that_is_not_there_is_refused_with_the_way_out(name, hardware, words):
    with pytest.raises(InputError) as caught:
        choose_device(name, hardware)
    assert words in str(caught.value)


def test_devices_are_listed_best_first():
    cpu = ("cpu", "CPU: Abacus")
    assert available_devices(TWO_GPUS) == [("cuda:0", "GPU 0: Alpha"), ("cuda:1", "GPU 1: Beta"), cpu]
    assert available_devices(APPLE) == [("mps", "Apple GPU"), cpu]


def test_this_machine_offers_what_it_lists():
    for key, _ in available_devices():
        assert choose_device(key).type == key.partition(":")[0]


def test_a_gpu_that_cannot_compute_does_not_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Fossil")
    monkeypatch.setattr(device_module, "_computes", lambda name: False)
    assert Hardware.detect().cuda == ()
    monkeypatch.setattr(device_module, "_computes", lambda name: name == "cuda:0")
    assert Hardware.detect().cuda == ("Fossil",)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx512_bf16": True, "avx2": True}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"bf16": True, "asimd": True}, True),
        ({"avx512_bf16": False, "avx512_f": True}, False),
        ({"avx2": True, "avx_ne_convert": True}, False),
        ({}, False),
    ],
)
def test_native_bf16_follows_the_processor_features(flags, expected):
    assert native_bf16(flags) is expected


def control_groups(root, lines, files):
    """A file system with the given control groups."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        (
            "0::/job\n",
            {
                "job/memory.max": "5000\n",
                "job/memory.current": "3000\n",
                "job/memory.stat": "anon 1800\ninactive_file 1200\n",
            },
            3200,
        ),
        (
            "0::/job/step\n",
            {
                "job/memory.max": "4000",
                "job/memory.current": "3900",
                "job/step/memory.max": "max",
                "job/step/memory.current": "1",
            },
            100,
        ),
        (
            "8:pids:/x\n4:memory:/job\n0::/\n",
            {
                "memory/job/memory.limit_in_bytes": "9000",
                "memory/job/memory.usage_in_bytes": "8000",
                "memory/job/memory.stat": "total_inactive_file 500",
            },
            1500,
        ),
        ("0::/\n", {"memory.max": "700", "memory.current": "900"}, 0),
    ],
    ids=["version 2", "an outer group", "version 1", "exceeded"],
)
def test_a_control_group_limits_the_memory(tmp_path, lines, files, expected):
    assert available_memory("cpu", control_groups(tmp_path, lines, files)) == expected


def test_without_a_control_group_the_memory_is_what_the_system_has(tmp_path):
    assert 0 < available_memory("cpu", tmp_path) <= psutil.virtual_memory().total


def test_the_memory_of_a_gpu_counts_what_pytorch_holds_unused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 8000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 200)
    assert available_memory("cuda:0") == 1300
