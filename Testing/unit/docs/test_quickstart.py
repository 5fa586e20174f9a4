"""What quickstart checks, says and reuses. Nothing is installed here."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

import quickstart

ROOT = Path(__file__).resolve().parents[3]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a pyproject.toml and nothing else, on a machine that has all it needs and runs no command."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("torch==1\n")
    monkeypatch.setattr(quickstart, "ROOT", tmp_path)
    monkeypatch.setattr(quickstart, "ENVIRONMENT", tmp_path / ".venv")
    for check in ("python_problems", "platform_problems", "library_problems", "compiler_problems", "disk_problems"):
        monkeypatch.setattr(quickstart, check, list)
    state = SimpleNamespace(folder=tmp_path, environment=tmp_path / ".venv", version=None, commands=[], exit_codes={})

    def run(command):
        state.commands.append(command)
        if "venv" in command:
            state.environment.mkdir(exist_ok=True)
        return next((code for word, code in state.exit_codes.items() if word in command), 0)

    monkeypatch.setattr(quickstart, "run", run)
    monkeypatch.setattr(quickstart, "python_version_of", lambda environment: state.version)
    monkeypatch.setattr(quickstart, "tried", lambda python, code: SimpleNamespace(returncode=0, stderr=""))
    return state


def stamp(checkout) -> str:
    return (checkout.environment / quickstart.STAMP_FILE).read_text().strip()


def test_it_agrees_with_pyproject():
    low, high = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', PYPROJECT).groups()
    assert ((3, int(low)), (3, int(high) - 1)) == (quickstart.OLDEST_PYTHON, quickstart.NEWEST_PYTHON)
    assert re.search(rf"^{quickstart.EXTRA} = \[", PYPROJECT, re.MULTILINE)


def test_the_constraints_are_exact_and_within_the_bounds_of_pyproject():
    constraints = [Requirement(line) for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    bounds = {
        asked.name: asked
        for line in re.findall(r'"([\w.\[\]-]+[><=!~][^"]*)"', PYPROJECT)
        for asked in [Requirement(line)]
    }
    assert "torch" in {one.name for one in constraints}
    for one in constraints:
        (exact,) = one.specifier
        assert exact.operator == "==" and bounds[one.name].specifier.contains(exact.version), one.name
    assert [spec.operator for spec in bounds["torch"].specifier] == [">="]


def test_pre_commit_checks_with_the_same_versions():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    versions = re.findall(r"/(ruff|codespell)(?:-pre-commit)?\n +rev: v(.+)", hooks)
    assert len(versions) == 2
    assert all(f"{name}=={version}\n" in CONSTRAINTS for name, version in versions)


def test_an_old_python_can_read_it_and_needs_nothing_else():
    tree = ast.parse(Path(quickstart.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0), (2, 7, 18), (4, 0, 0)])
def test_a_python_that_does_not_do_is_named(version, monkeypatch):
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: "/bin/x" if name == "python3.12" else None)
    (problem,) = quickstart.python_problems(version)
    assert problem.startswith(f"This is Python {'.'.join(map(str, version))}; LiverPair needs Python 3.10 to 3.13.")
    assert "Run 'python3.12 quickstart.py …'" in problem


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 11, 7), (3, 13, 9)])
def test_a_python_that_does(version, monkeypatch):
    monkeypatch.setattr(quickstart.importlib.util, "find_spec", lambda name: object())
    assert quickstart.python_problems(version) == []


def test_a_python_without_ensurepip_is_told_debians_package(monkeypatch):
    monkeypatch.setattr(quickstart.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: "/usr/bin/apt-get")
    (problem,) = quickstart.python_problems((3, 11, 2))
    assert "ensurepip missing" in problem and "apt-get install python3.11-venv" in problem


@pytest.mark.parametrize(
    ("platform", "word"),
    [
        (("Linux", "aarch64", "2.36"), "Linux on aarch64"),
        (("Darwin", "x86_64", ""), "Darwin on x86_64"),
        (("Linux", "x86_64", "2.27"), "glibc 2.27; the wheels need glibc 2.28"),
    ],
)
def test_a_platform_without_wheels_is_refused(platform, word):
    (problem,) = quickstart.platform_problems(*platform)
    assert word in problem


def test_a_linux_without_glibc_is_refused(monkeypatch):
    monkeypatch.setattr(quickstart.platform, "libc_ver", lambda: ("", ""))
    assert "has another C library; the wheels need" in quickstart.platform_problems("Linux", "x86_64")[0]


@pytest.mark.parametrize(
    "platform",
    [("Linux", "x86_64", "2.28"), ("Linux", "x86_64", "2.41"), ("Darwin", "arm64", ""), ("Windows", "AMD64", "")],
)
def test_a_platform_with_wheels(platform):
    assert quickstart.platform_problems(*platform) == []


def test_missing_libraries_are_named_with_each_package_once(monkeypatch):
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: "/usr/bin/apt-get")

    def load(name):
        if name in ("libEGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"):
            raise OSError(f"{name}: cannot open shared object file")

    (problem,) = quickstart.library_problems(load, "Linux")
    assert "libEGL.so.1, libglib-2.0.so.0, libgthread-2.0.so.0" in problem
    assert problem.endswith("apt-get install libegl1 libglib2.0-0")
    assert quickstart.library_problems(load, "Darwin") == []
    assert quickstart.library_problems(lambda name: None, "Linux") == []


def test_without_apt_the_packages_are_named_all_the_same(monkeypatch):
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: None)
    assert quickstart.install_hint(["libegl1", "libgl1"]) == "Install what Debian calls libegl1, libgl1."


def compiling(returncode, commands=None):
    """A `subprocess.run` whose every command ends like this."""

    def run(command, **_):
        if commands is not None:
            commands.append(command)
        return SimpleNamespace(returncode=returncode)

    return run


def test_a_missing_compiler_is_named_with_debians_packages(monkeypatch):
    monkeypatch.setenv("CC", "no-such-cc -O2")
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    (problem,) = quickstart.compiler_problems("Linux", compiling(0))
    version = ".".join(map(str, sys.version_info[:2]))
    assert problem.startswith("The C compiler 'no-such-cc' is missing. Install with: ")
    assert problem.endswith(f"apt-get install build-essential python{version}-dev")


def test_missing_headers_are_named_with_debians_package(monkeypatch):
    monkeypatch.setattr(quickstart.shutil, "which", lambda name: f"/usr/bin/{name}")
    (problem,) = quickstart.compiler_problems("Linux", compiling(1))
    assert "Python.h" in problem and f"python{sys.version_info[0]}.{sys.version_info[1]}-dev" in problem
    commands = []
    assert quickstart.compiler_problems("Linux", compiling(0, commands)) == []
    assert "-fsyntax-only" in commands[0]


def test_other_systems_are_asked_for_their_compiler():
    assert "xcode-select --install" in quickstart.compiler_problems("Darwin", compiling(2))[0]
    assert quickstart.compiler_problems("Darwin", compiling(0)) == []
    assert quickstart.compiler_problems("Windows", compiling(1)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks the compiler of Linux")
def test_headers_that_are_not_there_are_noticed_by_the_compiler_itself(tmp_path, monkeypatch):
    if quickstart.compiler_problems():
        pytest.skip("This machine has no C compiler or no Python.h.")
    monkeypatch.setattr(quickstart.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert "Python.h" in quickstart.compiler_problems()[0]


def test_too_little_space_is_told():
    problems = quickstart.disk_problems(lambda folder: 1.2e9)
    assert len(problems) == 2 and all("1.2 GB free" in problem for problem in problems)
    assert quickstart.disk_problems(lambda folder: 100e9) == []


def test_the_demo_takes_no_volume_or_two(tmp_path, monkeypatch):
    for name in ("a.nii.gz", "b.nii.gz"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert quickstart.parse(["demo"]) == ("demo", [])
    paths = [str(tmp_path / "a.nii.gz"), str(tmp_path / "b.nii.gz")]
    assert quickstart.parse(["demo", "a.nii.gz", "b.nii.gz"]) == ("demo", paths)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["demo", "a"], "or two: T1 and T2"),
        (["demo", "a", "b", "c"], "or two: T1 and T2"),
        (["demo", "no-such-a", "no-such-b"], "there is no '"),
        (["demonstrate"], "invalid choice"),
        (["lint", "--fix"], "unrecognized arguments"),
        ([], "required"),
    ],
)
def test_other_command_lines_are_refused(words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        quickstart.parse(words)
    assert stopped.value.code == 2 and sentence in capsys.readouterr().err


def test_the_options_of_test_are_pytests():
    words = ["-k", "not slow", "--lf", "-x", "-h", "--", "Testing/unit"]
    assert quickstart.parse(["test", *words]) == ("test", words)


def test_the_fast_tests_leave_out_all_that_takes_long():
    marks = "not training and not process and not slow"
    assert quickstart.parse(["test", "--fast", "-x"]) == ("test", ["-m", marks, "-x"])


def test_a_first_run_makes_installs_checks_and_stamps(checkout):
    python = quickstart.prepared_environment()
    assert python == quickstart.environment_python(checkout.environment)
    made, installed = checkout.commands
    assert made[1:4] == ["-m", "venv", "--clear"]
    assert installed[-4:] == ["--constraint", "constraints.txt", "--editable", ".[dev]"]
    version = tuple(sys.version_info[:3])
    assert quickstart.is_complete(checkout.environment, version)


def test_a_complete_environment_is_used_at_once(checkout):
    quickstart.prepared_environment()
    checkout.version, checkout.commands[:] = tuple(sys.version_info[:3]), []
    quickstart.prepared_environment()
    assert checkout.commands == []


@pytest.mark.parametrize("change", ["pyproject", "constraints", "python", "checkout", "stamp"])
def test_an_environment_of_other_making_is_completed_again(checkout, change, monkeypatch):
    quickstart.prepared_environment()
    checkout.version, checkout.commands[:] = tuple(sys.version_info[:3]), []
    if change == "pyproject":
        (checkout.folder / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    elif change == "constraints":
        (checkout.folder / "constraints.txt").write_text("torch==2\n")
    elif change == "python":
        checkout.version = (3, 10, 99)
    elif change == "checkout":
        (checkout.folder / "moved").mkdir()
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(checkout.folder / name, checkout.folder / "moved")
        monkeypatch.setattr(quickstart, "ROOT", checkout.folder / "moved")
    else:
        (checkout.environment / quickstart.STAMP_FILE).write_text("{broken")
    quickstart.prepared_environment()
    assert len(checkout.commands) == 1 and "install" in checkout.commands[0]
    assert quickstart.is_complete(checkout.environment, checkout.version)


def test_an_interrupted_installation_does_not_count(checkout):
    checkout.exit_codes["pip"] = 1
    with pytest.raises(quickstart.NotReady, match="pip could not install"):
        quickstart.prepared_environment()
    assert stamp(checkout) == "{}"
    assert not quickstart.is_complete(checkout.environment, tuple(sys.version_info[:3]))


def test_a_foreign_folder_in_its_place_is_left_alone(checkout):
    checkout.environment.mkdir()
    (checkout.environment / "mine.txt").write_text("mine")
    with pytest.raises(quickstart.NotReady, match="Move it or delete it"):
        quickstart.prepared_environment()
    assert (checkout.environment / "mine.txt").read_text() == "mine" and checkout.commands == []


def test_its_own_environment_of_an_unfit_python_is_made_anew(checkout):
    quickstart.prepared_environment()
    checkout.version, checkout.commands[:] = (3, 9, 2), []
    (checkout.environment / quickstart.STAMP_FILE).write_text("{}")
    quickstart.prepared_environment()
    assert [command[2] for command in checkout.commands] == ["venv", "pip"]


def test_an_installation_that_does_not_import_or_draw_is_not_stamped(checkout, monkeypatch):
    answers = {quickstart.IMPORTS: (0, ""), quickstart.DRAWING: (1, "Traceback\nRuntimeError: no EGL.\n")}
    answer = lambda python, code: SimpleNamespace(returncode=answers[code][0], stderr=answers[code][1])  # noqa: E731
    monkeypatch.setattr(quickstart, "tried", answer)
    with pytest.raises(quickstart.NotReady, match=r"cannot be drawn .*RuntimeError: no EGL\).*libgl1-mesa-dri"):
        quickstart.prepared_environment()
    answers[quickstart.IMPORTS] = (1, "ImportError: libEGL.so.1: cannot open shared object file: No such file")
    with pytest.raises(quickstart.NotReady, match=r"libEGL\.so\.1 is missing\. .*libegl1"):
        quickstart.prepared_environment()
    assert stamp(checkout) == "{}"


def test_a_failed_import_is_said_in_one_sentence():
    unknown = quickstart.import_problem("ImportError: libfoo-2.so.7: cannot open shared object file: No such file")
    assert unknown == "The shared library libfoo-2.so.7 is missing. Install the package that contains it."
    other = quickstart.import_problem("Traceback …\nModuleNotFoundError: No module named 'vtk'\n")
    assert other.startswith("The installation is not usable: ModuleNotFoundError: No module named 'vtk'. Delete '")


def test_the_environment_of_this_test_is_recognized(tmp_path):
    environment = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        pytest.skip("The tests do not run in a virtual environment.")
    assert quickstart.python_version_of(environment) == tuple(sys.version_info[:3])
    assert quickstart.python_version_of(tmp_path) is None


@pytest.mark.parametrize(("answer", "code"), [(0, 0), (1, 1), (5, 1), (-11, 1), (130, 130)])
def test_exit_codes(checkout, answer, code):
    checkout.exit_codes["pytest"] = answer
    assert quickstart.main(["test", "-q"]) == code
    assert checkout.commands[-1][1:] == ["-m", "pytest", *quickstart.IN_PARALLEL, "-q"]


@pytest.mark.parametrize(("failing", "code"), [("none", 0), ("check", 1), ("--check", 1), ("codespell_lib", 1)])
def test_lint_runs_every_check_whichever_fails(checkout, failing, code):
    checkout.exit_codes[failing] = 1
    assert quickstart.main(["lint"]) == code
    assert [command[1:3] for command in checkout.commands[-3:]] == [
        ["-m", "ruff"],
        ["-m", "ruff"],
        ["-m", "codespell_lib"],
    ]


def test_every_problem_is_printed(checkout, monkeypatch, capsys):
    monkeypatch.setattr(quickstart, "disk_problems", lambda: ["No room."])
    monkeypatch.setattr(quickstart, "library_problems", lambda: ["No EGL."])
    assert quickstart.main(["demo"]) == 2
    assert capsys.readouterr().err.splitlines() == ["quickstart: No EGL.", "quickstart: No room."]
    assert checkout.commands == []


def test_ctrl_c_is_clean(checkout, monkeypatch, capsys):
    def interrupted(command):
        raise KeyboardInterrupt

    monkeypatch.setattr(quickstart, "run", interrupted)
    assert quickstart.main(["demo"]) == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_other_packages_do_not_mix_in(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    assert (
        "PYTHONPATH" not in quickstart.clean_environment() and quickstart.clean_environment()["PYTHONNOUSERSITE"] == "1"
    )


@pytest.mark.skipif(os.name == "nt", reason="continuous integration runs bash")
@pytest.mark.parametrize("failing", ["lint", "test"])
def test_continuous_integration_runs_the_same_commands(tmp_path, failing):
    fake = tmp_path / "python3"
    fake.write_text(f'#!/bin/sh\necho "$PWD: $*: $(cat)"\n[ "$2" != {failing} ] || exit 3\n')
    fake.chmod(0o755)
    found = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run"), "-x"],
        cwd=str(tmp_path),
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "CI": "true"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    lines = [f"{ROOT}: quickstart.py lint: ", f"{ROOT}: quickstart.py test -x: "]
    assert found.stdout.splitlines() == (lines[:1] if failing == "lint" else lines) and found.returncode == 3
