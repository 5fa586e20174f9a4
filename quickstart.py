#!/usr/bin/env python3
"""LiverPair on a fresh machine.

    python3 quickstart.py demo           segment the liver in an embedded T1/T2 pair; results in demo-output/
    python3 quickstart.py demo T1 T2     the same with your volumes (NIfTI, NRRD, MetaImage or DICOM folders)
    python3 quickstart.py test [...]     run all tests; what follows is for pytest
    python3 quickstart.py lint           check style and spelling of the source

All make the virtual environment `.venv` in this folder, or reuse it when it is complete, and install LiverPair there.
Only the standard library is used here. Exit codes: 0 done; 1 tests, checks or demo failed; 2 the machine or the command
line lacks something, each named in one sentence; 130 stopped by Ctrl-C.
"""

from __future__ import annotations  # so that an older Python gets as far as being told that it is too old

import argparse
import ctypes
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
STAMP_FILE = "liverpair-quickstart.json"
DEMO_OUTPUT = ROOT / "demo-output"
EXTRA = "dev"
"""The extra of pyproject.toml that holds everything: library, real MRML, engines, test tools and linters."""
CONSTRAINTS = "constraints.txt"
"""The exact versions that are installed."""

LINTERS = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["codespell_lib"])

IN_PARALLEL = ("-n", "auto", "--dist", "loadfile")
"""pytest's options for a process on each core, a file of tests at a time; what the command line says comes after."""

FAST = {"--fast": ("-m", "not training and not process and not slow")}
"""Our own option of `test`: no test that trains, starts processes or takes seconds otherwise."""

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
PLATFORMS = {("Linux", "x86_64"), ("Darwin", "arm64"), ("Windows", "AMD64")}
OLDEST_GLIBC = (2, 28)
NEEDED_GB = {"environment": 4.0, "temporary files": 1.5}

DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXcursor.so.1": "libxcursor1",
    "libXrender.so.1": "libxrender1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libzstd.so.1": "libzstd1",
}
"""Libraries that the wheels of VTK, Slicer and Qt expect of a Linux system, and the Debian package of each."""

DRAWING_PACKAGES = ("libegl1", "libgl1-mesa-dri")
"""What draws without a display: Mesa's software renderer is loaded by EGL when a picture is drawn, not before."""

IMPORTS = (
    "import torch, SimpleITK, monai, pytorch_lightning, openvino, radiomics, slicer, vtk, pytest; "
    "from PySide6 import QtWidgets"
)
DRAWING = "from liverpair.mrml.pictures import SliceView; SliceView('Check').grab()"


class NotReady(Exception):
    """What keeps us from starting: one sentence per problem."""

    def __init__(self, *problems: str):
        super().__init__("\n".join(problems))
        self.problems = problems


def main(words: list[str] | None = None) -> int:
    """Run one command line and return the exit code."""
    command, rest = parse(sys.argv[1:] if words is None else words)
    try:
        python = prepared_environment()
        if command == "test":
            say("Running the tests")
            code = run([python, "-m", "pytest", *IN_PARALLEL, *rest])
        elif command == "lint":
            say("Checking style and spelling")
            code = next((code for code in [run([python, "-m", *linter]) for linter in LINTERS] if code), 0)
        else:
            code = run([python, "-m", "liverpair.commands.demo", "--output", str(DEMO_OUTPUT), *rest])
        return 130 if code == 130 else int(code != 0)
    except NotReady as error:
        for problem in error.problems:
            print(f"quickstart: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def parse(words: list[str]) -> tuple[str, list[str]]:
    """The command and its arguments: for "demo" no volume or two absolute paths, for "test" what pytest gets."""
    if words[:1] == ["test"]:
        return "test", [option for word in words[1:] for option in FAST.get(word, (word,))]
    parser = argparse.ArgumentParser(
        prog="quickstart.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="demo|test|lint")
    commands.required = True
    demo = commands.add_parser("demo", help="segment the liver in the embedded pair, or in your T1 and T2")
    demo.add_argument("volumes", nargs="*", metavar="T1 T2", help="your volumes: image files or DICOM folders")
    commands.add_parser("test", help="run all tests, or the --fast ones; other options are pytest's")
    commands.add_parser("lint", help="check style and spelling of the source")
    asked = parser.parse_args(words)
    if asked.command == "lint":
        return "lint", []
    volumes = [Path(name).expanduser().absolute() for name in asked.volumes]
    if len(volumes) not in (0, 2):
        parser.error("demo takes no volume (the embedded pair) or two: T1 and T2")
    for volume in volumes:
        if not volume.exists():
            parser.error(f"there is no '{volume}'")
    return "demo", [str(volume) for volume in volumes]


def prepared_environment() -> str:
    """Path of the Python in a complete environment, made or completed when need be. Raises `NotReady`."""
    version = python_version_of(ENVIRONMENT)
    if version and is_complete(ENVIRONMENT, version):
        return environment_python(ENVIRONMENT)
    say("Checking the machine")
    problems = [*python_problems(), *platform_problems(), *library_problems(), *compiler_problems(), *disk_problems()]
    if problems:
        raise NotReady(*problems)
    usable = version is not None and OLDEST_PYTHON <= version[:2] <= NEWEST_PYTHON
    if not usable:
        version = make_environment(ENVIRONMENT)
    python = environment_python(ENVIRONMENT)
    say(f"Installing LiverPair and what it needs into {ENVIRONMENT.name} (about 3 GB; some minutes the first time)")
    stamp = ENVIRONMENT / STAMP_FILE
    stamp.write_text("{}\n", encoding="utf-8")
    install = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if run([*install, "--constraint", CONSTRAINTS, "--editable", f".[{EXTRA}]"]):
        raise NotReady("pip could not install LiverPair; its last lines above say why. Is there a network connection?")
    say("Checking the installation")
    check_installation(python)
    stamp.write_text(json.dumps(stamp_of(version)) + "\n", encoding="utf-8")
    return python


def python_problems(version: tuple[int, ...] = sys.version_info[:3]) -> list[str]:
    """What is wrong with the Python that runs this."""
    if not OLDEST_PYTHON <= tuple(version[:2]) <= NEWEST_PYTHON:
        others = [f"python3.{minor}" for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1)]
        found = next((name for name in others if shutil.which(name)), None)
        hint = f"Run '{found} quickstart.py …'." if found else "Install one of them."
        return [f"This is Python {dotted(version)}; LiverPair needs Python 3.10 to 3.13. {hint}"]
    missing = [module for module in ("venv", "ensurepip") if importlib.util.find_spec(module) is None]
    if missing:
        package = f"python{dotted(version[:2])}-venv" if shutil.which("apt-get") else "Python's venv module"
        return [
            f"This Python cannot make virtual environments ({', '.join(missing)} missing). {install_hint([package])}"
        ]
    return []


def platform_problems(system: str = "", machine: str = "", glibc: str = "") -> list[str]:
    """Whether there are wheels of everything for this platform. The arguments are this machine's unless given."""
    system, machine = system or platform.system(), machine or platform.machine()
    if (system, machine) not in PLATFORMS:
        return [
            f"There are no slicer-core wheels for {system} on {machine}; demo and tests need Linux on x86_64, macOS on "
            "Apple silicon or Windows. The library itself installs with 'pip install .'."
        ]
    if system == "Linux":
        name, version = ("glibc", glibc) if glibc else platform.libc_ver()
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if name != "glibc" or numbers < OLDEST_GLIBC:
            there = f"{name or 'another C library'} {version}".strip()
            return [f"This Linux has {there}; the wheels need glibc {dotted(OLDEST_GLIBC)} or newer."]
    return []


def library_problems(load=ctypes.CDLL, system: str = "") -> list[str]:
    """Which shared libraries Linux lacks, and the command that installs them."""
    if (system or platform.system()) != "Linux":
        return []
    missing = [name for name in DEBIAN_PACKAGES if not loads(name, load)]
    if not missing:
        return []
    packages = sorted({DEBIAN_PACKAGES[name] for name in missing})
    return [f"Shared libraries are missing: {', '.join(missing)}. {install_hint(packages)}"]


def loads(name: str, load=ctypes.CDLL) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        load(name)
    except OSError:
        return False
    return True


def compiler_problems(system: str = "", compile_=subprocess.run) -> list[str]:
    """Whether pyradiomics, which there is as source only, can be compiled. On Windows pip says so itself."""
    system = system or platform.system()
    if system == "Darwin":
        found = compile_(["xcode-select", "-p"], capture_output=True).returncode == 0
        return [] if found else ["There is no C compiler. Install with: xcode-select --install"]
    if system != "Linux":
        return []
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    headers = f"python{dotted(sys.version_info[:2])}-dev"
    if shutil.which(compiler[0]) is None:
        return [f"The C compiler '{compiler[0]}' is missing. {install_hint(['build-essential', headers])}"]
    command = [*compiler, "-fsyntax-only", f"-I{sysconfig.get_paths()['include']}", "-xc", "-"]
    if compile_(command, input=b"#include <Python.h>\n", capture_output=True).returncode:
        return [f"The C compiler does not find Python.h or what it includes. {install_hint([headers, 'libc6-dev'])}"]
    return []


def disk_problems(free_bytes=lambda folder: shutil.disk_usage(folder).free) -> list[str]:
    """Where there is too little space."""
    places = {"environment": ROOT, "temporary files": Path(tempfile.gettempdir())}
    problems = []
    for what, folder in places.items():
        free_gb = free_bytes(folder) / 1e9
        if free_gb < NEEDED_GB[what]:
            problems.append(
                f"'{folder}' has {free_gb:.1f} GB free; {NEEDED_GB[what]:.1f} GB are needed for the {what}."
            )
    return problems


def install_hint(packages: list[str]) -> str:
    """How to install Debian packages, in words for this machine."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    command = f"{'' if root else 'sudo '}apt-get install {' '.join(packages)}"
    return (
        f"Install with: {command}" if shutil.which("apt-get") else f"Install what Debian calls {', '.join(packages)}."
    )


def environment_python(environment: Path) -> str:
    """Path of the Python of an environment."""
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def python_version_of(environment: Path) -> tuple[int, ...] | None:
    """Version of an environment's Python; None when there is none that runs and has pip."""
    ask = "import sys, pip; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [environment_python(environment), "-c", ask],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return tuple(int(number) for number in answer.stdout.split())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def stamp_of(version: tuple[int, ...]) -> dict[str, str]:
    """What a complete environment was made from: it must be completed again when any of this changes."""
    asked = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in ("pyproject.toml", CONSTRAINTS)}
    return {**asked, "python": dotted(version), "checkout": str(ROOT)}


def is_complete(environment: Path, version: tuple[int, ...]) -> bool:
    """Whether an installation of what this checkout asks for was finished with this Python."""
    try:
        return json.loads((environment / STAMP_FILE).read_text(encoding="utf-8")) == stamp_of(version)
    except (OSError, ValueError):
        return False


def make_environment(environment: Path) -> tuple[int, ...]:
    """Make an empty environment and return the version of its Python. Only what quickstart itself made is replaced."""
    if environment.exists() and not (environment / STAMP_FILE).exists():
        raise NotReady(f"'{environment}' exists and is no environment that LiverPair can use. Move it or delete it.")
    say(f"Making the virtual environment {environment.name}")
    if run([sys.executable, "-m", "venv", "--clear", "--upgrade-deps", str(environment)]):
        raise NotReady("The virtual environment could not be made; the lines above say why.")
    (environment / STAMP_FILE).write_text("{}\n", encoding="utf-8")
    return tuple(sys.version_info[:3])


def check_installation(python: str) -> None:
    """Import what was installed and draw a picture. Raises `NotReady` naming what is missing."""
    imported = tried(python, IMPORTS)
    if imported.returncode:
        raise NotReady(import_problem(imported.stderr))
    drawn = tried(python, DRAWING)
    if drawn.returncode:
        reason = last_line(drawn.stderr)
        raise NotReady(f"Slices cannot be drawn on this machine ({reason}). {install_hint(list(DRAWING_PACKAGES))}")


def import_problem(stderr: str) -> str:
    """A failed import in one sentence; a shared library that the linker did not find by its Debian package."""
    found = re.search(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file", stderr)
    if found:
        package = DEBIAN_PACKAGES.get(found.group(1))
        hint = install_hint([package]) if package else "Install the package that contains it."
        return f"The shared library {found.group(1)} is missing. {hint}"
    return f"The installation is not usable: {last_line(stderr)}. Delete '{ENVIRONMENT}' and try again."


def tried(python: str, code: str) -> subprocess.CompletedProcess:
    """Run a line of Python in the environment."""
    return subprocess.run([python, "-c", code], cwd=str(ROOT), env=clean_environment(), capture_output=True, text=True)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"


def run(command: list[str]) -> int:
    """Run a command in the checkout with our own input and output. Ctrl-C is left to it for a few seconds first."""
    with subprocess.Popen(command, cwd=str(ROOT), env=clean_environment()) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def clean_environment() -> dict[str, str]:
    """This process's environment without what would mix other Python packages into ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
    }
    return {**kept, "PYTHONNOUSERSITE": "1"}


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


def say(step: str) -> None:
    print(f"== {step}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
