"""The report of a dream: one page with its pictures, readings, settings and provenance. Imports no torch."""

import base64
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import MissingPackageError, Progress, no_progress
from liverpair.core.sides import Side
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.finished import DREAM_FILE, FinishedDream
from liverpair.dreaming.interpretation import BASELINES
from liverpair.measures.feature_colors import color_of
from liverpair.measures.feature_names import title_of

TEMPLATE = Path(__file__).with_name("report.html")
REPORT_FILES = {
    "html": "report.html",
    "png": "trajectories.png",
    "svg": "trajectories.svg",
    "csv": "trajectories.csv",
}
STRIP_FILE = "images.png"
MOST_FEATURES = 9
"""Features on the page; the figure beside it has them all."""
MOST_NOTES = 4


def write_report(
    folder: str | Path, output: str | Path, second: str | Path | None = None, progress: Progress = no_progress
) -> dict[str, Path]:
    """Write the report of the dream in `folder`: `report.html`, which holds its pictures, and beside it the
    trajectories as .png, .svg and .csv, and the images as `images.png` where there are any.

    Parameters
    ----------
    folder
        Of a dream, as the job "dream" leaves it, finished or not.
    output
        The folder to write to, made when missing; may be that of the dream. Files of these names are replaced.
    second
        The folder of a dream of another model to lay over it.
    progress
        Called before each picture.

    Returns
    -------
    The paths by "html", "png", "svg" and "csv".

    Raises
    ------
    InputError
        A folder holds no dream, a picture of it cannot be read, or `output` cannot be written to.
    MissingPackageError
        matplotlib or jinja2 is not installed.
    """
    progress(0.0, "Starting")
    figures = _figures()
    dream = FinishedDream.read(folder)
    other = None if second is None else FinishedDream.read(second)
    paths = {what: Path(output) / name for what, name in REPORT_FILES.items()}
    names = _names(dream, other)
    second_one = other and other.trajectories
    features = page_features(dream)

    def draw(fraction: float, path: Path, some: Sequence[str] | None = None) -> None:
        progress(fraction, "Drawing the trajectories")
        figures.trajectory_figure(dream.trajectories, dream.ranges, some, second_one, path=path, names=names)

    draw(0.2, paths["png"])
    draw(0.4, paths["svg"])
    curves = paths["png"].read_bytes()
    if len(features) < len(dream.trajectories.features):
        with tempfile.TemporaryDirectory(prefix="liverpair-report-") as scratch:
            draw(0.6, Path(scratch) / REPORT_FILES["png"], features)
            curves = (Path(scratch) / REPORT_FILES["png"]).read_bytes()
    table = dream.folder / dream.content["trajectories"]
    if table.resolve() != paths["csv"].resolve():
        with written_whole(paths["csv"]) as draft:
            shutil.copyfile(table, draft)
    progress(0.8, "Writing the page")
    page = _page(dream, other, features, curves, _strip(dream, Path(output) / STRIP_FILE, figures))
    with written_whole(paths["html"]) as draft:
        draft.write_text(page, encoding="utf-8")
    return paths


def _names(dream: FinishedDream, other: FinishedDream | None) -> tuple[str, str]:
    """What two dreams are called beside each other: their models, and which is which where it is one model."""
    if other is None or other.model != dream.model:
        return dream.model, other.model if other else ""
    return f"{dream.model}, first dream", f"{other.model}, second dream"


def _figures() -> ModuleType:
    try:
        import jinja2  # noqa: F401

        from liverpair.dreaming import figures
    except ImportError as error:
        package = (error.name or "").split(".")[0]
        if package not in ("jinja2", "matplotlib"):
            raise
        raise MissingPackageError(f"A dream's report needs the package '{package}'.", "Install it with pip.") from error
    return figures


def page_features(dream: FinishedDream) -> tuple[str, ...]:
    """The features that the page shows, in the order of their colors: those with the strongest readings when there are
    more than fit."""
    recorded = dream.trajectories.features
    strongest = [reading["feature"] for reading in dream.content["readings"]]
    shown = [name for name in dict.fromkeys([*strongest, *recorded]) if name in recorded][:MOST_FEATURES]
    return tuple(name for name in recorded if name in shown)


def _strip(dream: FinishedDream, path: Path, figures: ModuleType) -> bytes | None:
    """Write the images of the typical start; None when none were kept."""
    start = dream.typical_start
    frames = dream.frames(start)
    if not frames:
        return None
    original = dream.folder / dream.content.get("original", "")
    place = dream.run(start).get("neuron", {}).get("point_mm") or None
    figures.frame_strip(frames, path, original if original.is_file() else None, place)
    return path.read_bytes()


def _page(
    dream: FinishedDream, other: FinishedDream | None, features: Sequence[str], curves: bytes, strip: bytes | None
) -> str:
    """The page as one HTML file, which holds everything it shows."""
    import jinja2

    def encoded(png: bytes | None) -> str:
        return base64.b64encode(png or b"").decode("ascii")

    content = dream.content
    parts = {part: path for part, path in content.get("inputs", {}).items() if path}
    checksums = content.get("asked", {}).get("inputs", {})
    kinds = dict.fromkeys(run["run"] for run in content["runs"] if run["run"] != "dream")
    environment = jinja2.Environment(autoescape=True)
    environment.filters["number"] = environment.globals["number"] = "{:g}".format
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        content=content,
        model=dream.model,
        second=_names(dream, other)[1],
        inputs={_title(part): Path(path).name for part, path in parts.items()},
        checksums={_title(part): checksums.get(part) for part in parts},
        start=dream.typical_start,
        starts=dream.starts,
        others=[kind.replace("-", " ") for kind in kinds],
        ranged=dream.ranges is not None,
        baselines=len(dream.trajectories.kinds) > 1,
        without_object=[BASELINES.get(kind, "in the dream") for kind in dream.trajectories.without_object()],
        strip=encoded(strip),
        curves=encoded(curves),
        rows=reading_rows(dream, features, other),
        left_out=len(dream.trajectories.features) - len(features),
        files=REPORT_FILES,
        notes=_notes(dream),
    )


def _title(part: str) -> str:
    """A part of a study for a reader: "T1", "T1 liver"."""
    side, _, rest = part.partition("_")
    return " ".join(filter(None, [Side(side).title, rest.replace("_", " ")]))


def _notes(dream: FinishedDream) -> list[str]:
    """What a reader must know; the rest stays in the dream's own file."""
    notes = [str(note) for note in dream.content["notes"]]
    if not dream.content.get("complete", True):
        notes.insert(0, "This dream has not run to its end.")
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES - 1 :] = [f"{len(notes) - MOST_NOTES + 1} more notes are in {DREAM_FILE}."]
    return notes


@dataclass(frozen=True)
class ReadingRow:
    """One feature in the table of readings: its color, its name, the rest of the sentence that begins with it, the
    z-scores (or values) it began and ended with, and what the second model did with it."""

    color: str
    title: str
    rest: str
    course: str
    second: str = ""


def reading_rows(dream: FinishedDream, features: Sequence[str], other: FinishedDream | None = None) -> list[ReadingRow]:
    """The readings of `features`, strongest first, beside those of another dream."""
    theirs = {reading["feature"]: reading for reading in (other.content["readings"] if other else [])}
    rows = []
    for reading in dream.content["readings"]:
        name = reading["feature"]
        if name not in features:
            continue
        second = f"{_course(theirs[name], other)}, {theirs[name]['rule']}" if name in theirs else ""
        title, sentence = title_of(name), reading["sentence"]
        rest = sentence.removeprefix(title) if sentence.startswith(title) else f": {sentence}"
        rows.append(ReadingRow(color_of(features.index(name)), title, rest, _course(reading, dream), second))
    return rows


def _course(reading: Mapping[str, Any], dream: FinishedDream) -> str:
    """From where to where a feature went: z-scores, or values where there is no normal range."""
    name, z = reading["feature"], [reading.get("z0"), reading.get("z1")]
    ranged = dream.ranges is not None and math.isfinite(dream.ranges.z(name, 0.0))
    if ranged and all(isinstance(value, int | float) for value in z):
        return f"{z[0]:+.1f} → {z[1]:+.1f}".replace("-", "−")
    values = _median(dream.trajectories, name)
    return f"{values[0]:.3g} → {values[-1]:.3g}" if len(values) else "undefined"


def _median(trajectories: Trajectories, name: str) -> np.ndarray:
    """The defined values of the median over starts."""
    _, values = trajectories.values(name)
    defined = values[:, np.isfinite(values).any(axis=0)]
    return np.nanmedian(defined, axis=0) if defined.size else np.empty(0)
