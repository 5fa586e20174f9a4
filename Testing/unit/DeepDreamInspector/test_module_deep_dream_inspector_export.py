"""The section Export: trajectories, plot and report as files."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dream_viewing_factory import ADDED, FRAMES, STARTS, samples, viewing_of  # noqa: F401

from liverpair.core.errors import no_progress
from liverpair.core.trajectories import Trajectories
from liverpair.jobs.dream_report_job import dream_report
from liverpair.jobs.dream_results import read_dream

DRAWN = {"html": "exportReportButton", "png": "exportPngButton", "svg": "exportSvgButton"}


@pytest.fixture
def viewing(viewing_of):
    return viewing_of("export")


def drawn(viewing) -> dict[str, str]:
    """What the worker draws for the job that runs."""
    output = Path(viewing.worker.request["output"])
    output.mkdir()
    paths = {kind: output / f"out.{kind}" for kind in ("html", "png", "svg", "csv")}
    for kind, path in paths.items():
        path.write_text(f"a {kind}", encoding="utf-8")
    return {kind: str(path) for kind, path in paths.items()}


def assert_same(one: Trajectories, other: Trajectories) -> None:
    for kind in ("dream", "random-weights"):
        for name in ("activation", *one.features):
            np.testing.assert_array_equal(one.values(name, kind)[1], other.values(name, kind)[1])


def test_there_is_nothing_to_export_before_a_dream(viewing):
    for name in ("exportTableButton", *DRAWN.values()):
        assert not viewing[name].isEnabled()
    assert viewing.text("exportLabel") == "There is nothing to export before a dream."
    assert not viewing["openReportButton"].isVisible() and not viewing["cancelExportButton"].isVisible()


def test_trajectories_are_written_as_the_scene_has_them(viewing, tmp_path):
    dream = viewing.dream()
    viewing.harness.answer(str(tmp_path / "out.csv"))
    viewing.click("exportTableButton")
    assert viewing.harness.dialogs()[-1].text == "AX T1 dreamt by small.csv"
    written = Trajectories.read_csv(tmp_path / "out.csv")
    assert written.features == dream.features and len(written) == 2 * STARTS
    assert_same(written, dream.trajectories())
    assert viewing.said == [f"The trajectories were written to '{tmp_path / 'out.csv'}'."]
    assert viewing.text("exportLabel") == viewing.said[-1]


def test_a_place_that_cannot_be_written_to_is_said_in_words(viewing, tmp_path):
    viewing.dream()
    (tmp_path / "file").write_text("")
    viewing.harness.answer(str(tmp_path / "file" / "out.csv"))
    viewing.click("exportTableButton")
    assert "cannot be written" in viewing.problems[0] and not viewing.said
    viewing.harness.answer(None)
    viewing.click("exportTableButton")
    assert len(viewing.problems) == 1


@pytest.mark.parametrize("kind", DRAWN)
def test_what_the_worker_draws_goes_where_the_user_wants_it(viewing, tmp_path, kind):
    dream = viewing.dream()
    wanted = tmp_path / "kept" / f"out.{kind}"
    viewing.harness.answer(str(wanted))
    viewing.click(DRAWN[kind])
    assert viewing.worker.job["job"] == "dream_report"
    assert viewing.worker.request["folder"] == dream.about["folder"] and viewing.worker.request["second"] is None
    viewing.progress("Drawing the report")
    assert viewing.text("exportLabel") == "Drawing the report" and not viewing[DRAWN[kind]].isEnabled()
    output = Path(viewing.worker.request["output"])
    viewing.finish_job(drawn(viewing))
    assert wanted.read_text() == f"a {kind}" and not output.exists()
    assert str(wanted) in viewing.said[-1] and viewing[DRAWN[kind]].isEnabled()
    assert viewing["openReportButton"].isVisible() == (kind == "html")


def test_the_report_is_opened(viewing, tmp_path, monkeypatch):
    import qt

    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    viewing.dream()
    viewing.harness.answer(str(tmp_path / "out.html"))
    viewing.click("exportReportButton")
    viewing.finish_job(drawn(viewing))
    viewing.click("openReportButton")
    assert opened == [str(tmp_path / "out.html")]


def test_the_second_dream_is_in_the_report(viewing, tmp_path):
    second = viewing.dream(name="Second")
    viewing.dream()
    viewing.context.compare(second)
    viewing.harness.answer(str(tmp_path / "out.html"))
    viewing.click("exportReportButton")
    assert viewing.worker.request["second"] == second.about["folder"]


def test_an_export_that_is_cancelled_or_fails_leaves_nothing(viewing, tmp_path):
    viewing.dream()
    wanted = tmp_path / "out.html"
    wanted.write_text("before")
    viewing.harness.answer(str(wanted))
    viewing.click("exportReportButton")
    viewing.click("cancelExportButton")
    assert viewing.worker.was_cancelled
    viewing.cancelled()
    assert viewing.said[-1] == "Cancelled; nothing was written."
    viewing.harness.answer(str(wanted))
    viewing.click("exportReportButton")
    viewing.worker.fail("MissingPackageError", "matplotlib is not installed.")
    assert viewing.problems == ["matplotlib is not installed."]
    assert wanted.read_text() == "before" and viewing["exportReportButton"].isEnabled()


def test_a_loaded_dream_without_its_files_is_exported_from_the_scene(viewing_of, tmp_path):
    viewing = viewing_of("watch", "export")
    viewing.dream()
    viewing.reopen(tmp_path / "scene.mrb")
    viewing.harness.answer(str(tmp_path / "out.html"))
    viewing.click("exportReportButton")
    folder = Path(viewing.worker.request["folder"])
    assert_same(Trajectories.read_csv(folder / "trajectories.csv"), viewing.context.dream.trajectories())
    content = read_dream(folder)
    assert content["readings"] == viewing.context.dream.readings
    frames = content["runs"][0]["frames"]
    assert [frame["iteration"] for frame in frames] == list(FRAMES)
    assert not any(run["frames"] for run in content["runs"][1:]), "the scene has those of one run"
    image, mask = (sitk.GetArrayFromImage(sitk.ReadImage(folder / frames[-1][what])) for what in ("image", "mask"))
    assert image[mask == 1].min() > FRAMES[-1] * ADDED and mask.sum() == 512
    viewing.finish_job(dream_report(viewing.worker.request, no_progress))
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "rises out of the normal range by iteration 5: the network is too sensitive to it." in page
    assert page.count("data:image/png") == 2, "the pictures of the scene, and the plot"
    assert not folder.exists()


def test_a_dream_that_was_interrupted_and_whose_files_are_gone_is_refused_in_words(viewing, tmp_path):
    viewing.dream(finished=False)
    viewing.forget_files()
    viewing.harness.answer(str(tmp_path / "out.png"))
    viewing.click("exportPngButton")
    assert "did not come to its end" in viewing.problems[0] and viewing["exportPngButton"].isEnabled()


def test_nothing_is_drawn_while_a_dream_runs(viewing):
    class Running:
        ending = None

    dream = viewing.dream(finished=False, iterations=range(2))
    viewing.context.setRun(Running())
    assert viewing["exportTableButton"].isEnabled() and not viewing["exportPngButton"].isEnabled()
    assert "when the dream has ended" in viewing.text("exportLabel")
    viewing.context.addSamples(dream, samples(range(2, 5)))
    Running.ending = "done"
    viewing.context.tell("run")
    assert viewing["exportPngButton"].isEnabled()
