"""The report of a visit on paper: one page of A4, as HTML that holds its pictures and as PDF."""

import base64
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from liverpair.core.atomic import written_whole
from liverpair.core.errors import MissingPackageError
from liverpair.reports.phase_curves import PhaseTold, curves_png, draw_curve, has_curve, other_signals
from liverpair.reports.target_pictures import DPI, draw, png_of
from liverpair.reports.visit_content import VisitContent

TEMPLATE = Path(__file__).with_name("visit_report.html")
PICTURE_DPI = 110
A4_INCHES = (8.27, 11.69)
MARGIN, WIDTH = 0.055, 0.89
INK, GRAY, BLUE = "#222222", "#666666", "#0b4f7d"
MOST_OF_PAGE = 0.5
"""What pictures may take of its height."""
MOST_CHANGES = 12
MOST_CURVES, MOST_PHASES = 4, 8
_LINE = 0.0118
"""Height of a line of text, of the height of the page."""
_CHARACTERS = 135
"""Of small text in a line across the page."""


def write_html(content: VisitContent, path: str | Path) -> None:
    """Write the report as one HTML file that refers to nothing outside of itself.

    Raises `InputError` when the place cannot be written to, `MissingPackageError` without jinja2.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingPackageError("A report needs the package 'jinja2'.", "Install it with pip.") from error
    strips = [(row.name, base64.b64encode(png_of(row.pictures)).decode("ascii")) for row in content.targets]
    drawn = [one for one in content.phases if has_curve(one)][:MOST_CURVES]
    curves = base64.b64encode(curves_png(drawn)).decode("ascii") if drawn else ""
    told = [_phase_line(one) for one in content.phases]
    page = jinja2.Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    with written_whole(path) as draft:
        draft.write_text(page.render(c=content, strips=strips, curves=curves, phases=told), encoding="utf-8")


def write_page(content: VisitContent, *paths: str | Path) -> None:
    """Write the report as one page, as what the suffixes of `paths` say (.pdf, .png). Raises `InputError` when a place
    cannot be written to."""
    page = _Page()
    page.text(content.title, 14, weight="bold")
    page.text(content.about, 8, color=GRAY)
    page.pictures(content)
    page.heading("Lesions")
    page.table(content.head, content.rows)
    more = f" {content.left_out} more are in lesions.csv." if content.left_out else ""
    page.text(f"* estimated from the box of the lesion, as it has no mask there.{more}", 6.5, color=GRAY)
    page.heading("Tumor burden")
    page.lines(content.burden)
    if content.responses:
        page.heading("Response (RECIST 1.1, liver only)")
        page.columns([[f"{category}", *steps] for category, steps in content.responses.items()])
        page.heading("From visit to visit")
        page.lines(content.changes[:MOST_CHANGES])
        if len(content.changes) > MOST_CHANGES:
            page.text(f"{len(content.changes) - MOST_CHANGES} more are in followup.csv.", 6.5, color=GRAY)
    if content.phases:
        page.heading("Phases, measured, and what the reader decided (LI-RADS; no category is concluded)")
        page.curves([one for one in content.phases if has_curve(one)][:MOST_CURVES])
        page.lines([_phase_line(one) for one in content.phases[:MOST_PHASES]])
    if content.notes:
        page.heading("Notes")
        page.lines(content.notes)
    page.heading("Settings and versions")
    page.lines(["; ".join(f"{name}: {value}" for name, value in content.facts.items())], 6.2)
    for path in paths:
        with written_whole(path) as draft:
            page.figure.savefig(draft, dpi=DPI if Path(path).suffix == ".pdf" else PICTURE_DPI)


class _Page:
    """A page that is filled from above."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=A4_INCHES)
        self.top = 0.965

    def text(self, words: str, size: float, color: str = INK, weight: str = "normal", left: float = MARGIN) -> None:
        self.figure.text(left, self.top, words, size=size, color=color, weight=weight, va="top", parse_math=False)
        self.top -= _LINE * size / 7.0 + 0.0008

    def heading(self, words: str) -> None:
        self.top -= 0.004
        self.text(words, 8.5, BLUE, "bold")

    def lines(self, sentences: Sequence[str], size: float = 6.8) -> None:
        for sentence in sentences:
            for line in textwrap.wrap(sentence, int(_CHARACTERS * 6.8 / size)) or [""]:
                self.text(line, size)

    def columns(self, blocks: Sequence[Sequence[str]], size: float = 6.6) -> None:
        """Blocks beside each other; the first line of each is bold."""
        top, bottom = self.top, self.top
        characters = int(_CHARACTERS * 6.8 / size / len(blocks)) - 2
        for number, (title, *sentences) in enumerate(blocks):
            self.top, left = top, MARGIN + number * WIDTH / len(blocks)
            self.text(title, size + 0.6, weight="bold", left=left)
            for line in (line for sentence in sentences for line in textwrap.wrap(sentence, characters)):
                self.text(line, size, left=left)
            bottom = min(bottom, self.top)
        self.top = bottom

    def pictures(self, content: VisitContent) -> None:
        if not content.targets:
            return
        columns = max(len(row.pictures) for row in content.targets)
        abreast = 2 if columns <= 2 and len(content.targets) > 1 else 1
        rows = -(-len(content.targets) // abreast)
        height = min(MOST_OF_PAGE / rows - 0.05, 0.2)
        width = min(height * A4_INCHES[1] / A4_INCHES[0], WIDTH / (columns * abreast) - 0.03)
        side = width * A4_INCHES[0] / A4_INCHES[1]
        for number, row in enumerate(content.targets):
            left = MARGIN + (number % abreast) * WIDTH / abreast
            if number % abreast == 0:
                top = self.top - 0.004
            self.top = top
            self.text(row.name, 8.5, BLUE, "bold", left)
            self.top -= 0.012
            for column, picture in enumerate(row.pictures):
                axes = self.figure.add_axes((left + column * (width + 0.02), self.top - side, width, side))
                draw(axes, picture, 6.4)
            self.top -= side + 0.016

    def curves(self, told: Sequence[PhaseTold]) -> None:
        if not told:
            return
        height, step = 0.072, WIDTH / MOST_CURVES
        self.top -= 0.012
        for number, own in enumerate(told):
            place = (MARGIN + number * step + 0.04, self.top - height, step - 0.06, height)
            draw_curve(self.figure.add_axes(place), own, 5.6)
        self.top -= height + 0.016

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = column_widths([head, *rows])
        lines = [*zip(*map(_two_lines, head)), *rows]
        for number, cells in enumerate(lines):
            is_head = number < 2
            left = MARGIN
            for cell, width in zip(cells, widths):
                self.figure.text(
                    left,
                    self.top,
                    cell,
                    size=6.0 if is_head else 6.8,
                    color=GRAY if is_head else INK,
                    va="top",
                    parse_math=False,
                )
                left += width
            self.top -= _LINE


def column_widths(lines: Sequence[Sequence[str]]) -> list[float]:
    """Of the columns of a table, in parts of the page: as the longest text asks, so that none touches the next."""
    needed = [max(max(len(part) for part in _two_lines(cell)) for cell in column) + 2 for column in zip(*lines)]
    return [WIDTH * n / sum(needed) for n in needed]


def _two_lines(heading: str) -> tuple[str, str]:
    """A heading such as "T1 long, mm" in two lines: "T1 long" and "mm"."""
    first, _, unit = heading.partition(", ")
    return first, unit


def _phase_line(told: PhaseTold) -> str:
    return f"{told.name}: " + " ".join([*told.measured, *other_signals(told), *(f"{each}." for each in told.decided)])
