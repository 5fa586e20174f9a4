"""The HTML of a dream's report: one page, which holds everything it shows. Imports neither torch nor matplotlib."""

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
@page { size: A4; margin: 9mm 10mm; }
* { box-sizing: border-box; }
body { font: 8.6pt/1.32 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; color: #222;
  max-width: 190mm; margin: 6mm auto; }
@media print { body { margin: 0; max-width: none; } }
h1 { font-size: 15pt; line-height: 1.15; margin: 0; }
h2 { font-size: 9pt; margin: 1.8mm 0 .5mm; color: #0b4f7d; }
p { margin: 0 0 1mm; }
.about { color: #555; margin: .4mm 0 1.4mm; }
figure { margin: 0 0 .8mm; }
figure img { display: block; width: 100%; object-fit: contain; }
.strip img { max-height: 38mm; background: #101010; }
figcaption, .small { color: #555; font-size: 7.4pt; line-height: 1.25; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25mm 1.6mm .25mm 0; border-bottom: .2mm solid #e4e4e4; }
td { font-size: 7.6pt; line-height: 1.2; }
th { font-weight: 600; color: #555; font-size: 7.4pt; }
th, td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.reading { padding-left: 4mm; text-indent: -4mm; }
.dot { display: inline-block; width: 2.4mm; height: 2.4mm; border-radius: 50%; margin-right: 1.6mm; text-indent: 0; }
.columns { display: flex; gap: 5mm; }
.columns > div { flex: 1; min-width: 0; }
.columns > .wide { flex: 1.35; }
.facts td { font-size: 7pt; padding: .15mm 1.6mm .15mm 0; overflow-wrap: anywhere; line-height: 1.18; }
.facts td:first-child { white-space: nowrap; color: #555; width: 1%; }
ul { margin: 0; padding-left: 3.2mm; }
ul.small { font-size: 7pt; line-height: 1.2; }
li { margin-bottom: .2mm; }
"""

ROOM_MM, LINE_MM, RULE_MM = 146.0, 3.3, 0.6
"""Of an A4 page: what trajectories and readings share, a line of a reading or a note, and the rule under a reading."""
SENTENCE_LETTERS, NOTE_LETTERS, FREE_NOTE_LINES = (118, 90), 44, 4
"""Letters in a line of a reading (alone, beside a second model) and of a note, and lines of notes that cost nothing."""
LEAST_CURVES_MM, MOST_CURVES_MM = 55.0, 116.0


@dataclass(frozen=True)
class ReadingRow:
    """One feature in the table of readings: its color, its name in words, the z-scores (or values) it began and ended
    with, the sentence, and what the second model did with it."""

    color: str
    title: str
    course: str
    sentence: str
    second: str = ""


@dataclass(frozen=True)
class Page:
    """What a report says. Texts are plain, pictures PNG; `second` names the second model, if there is one."""

    title: str
    about: str
    strip: bytes | None
    strip_caption: str
    curves: bytes
    curves_caption: str
    readings: Sequence[ReadingRow]
    readings_note: str
    settings: Sequence[tuple[str, str]]
    provenance: Sequence[tuple[str, str]]
    how_to_read: Sequence[str]
    notes: Sequence[str]
    course_title: str = "z, from → to"
    second: str = ""


def html_page(page: Page) -> str:
    """The page as one HTML file, which refers to nothing outside of itself. It prints on one A4 page."""
    parts = [
        f"<h1>{escape(page.title)}</h1>",
        f'<p class="about">{escape(page.about)}</p>',
        _figure("strip", page.strip, page.strip_caption) if page.strip else "",
        _figure("curves", page.curves, page.curves_caption, curves_height_mm(page)),
        "<h2>What the network asks for</h2>",
        _readings(page),
        f'<p class="small">{escape(page.readings_note)}</p>' if page.readings_note else "",
        '<div class="columns">',
        f"<div><h2>Settings</h2>{_facts(page.settings)}</div>",
        f"<div><h2>Provenance</h2>{_facts(page.provenance)}",
        f"<h2>Notes</h2>{_list(page.notes)}</div>" if page.notes else "</div>",
        f'<div class="wide"><h2>How to read it</h2>{_list(page.how_to_read)}</div>',
        "</div>",
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def curves_height_mm(page: Page) -> float:
    """The height at most of the trajectories, so that the texts below still fit on the page."""
    letters = SENTENCE_LETTERS[bool(page.second)]
    lines = sum(math.ceil(len(row.sentence) / letters) for row in page.readings)
    notes = sum(math.ceil(len(note) / NOTE_LETTERS) for note in page.notes)
    room = ROOM_MM - LINE_MM * (lines + max(0, notes - FREE_NOTE_LINES)) - RULE_MM * len(page.readings)
    return min(max(room, LEAST_CURVES_MM), MOST_CURVES_MM)


def _figure(kind: str, png: bytes, caption: str, height_mm: float | None = None) -> str:
    data = base64.b64encode(png).decode("ascii")
    style = "" if height_mm is None else f' style="max-height: {height_mm:.0f}mm"'
    return (
        f'<figure class="{kind}"><img{style} alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _readings(page: Page) -> str:
    if not page.readings:
        return "<p>No feature was recorded.</p>"
    header = ["Reading", page.course_title, *([page.second] if page.second else [])]
    rows = [
        f'<tr><td class="reading">{_dot(row.color)}{_sentence(row)}</td><td class="number">{escape(row.course)}</td>'
        + (f'<td class="number">{escape(row.second)}</td>' if page.second else "")
        + "</tr>"
        for row in page.readings
    ]
    return f"<table><tr>{''.join(f'<th>{escape(h)}</th>' for h in header)}</tr>{''.join(rows)}</table>"


def _dot(color: str) -> str:
    return f'<span class="dot" style="background:{escape(color)}"></span>'


def _sentence(row: ReadingRow) -> str:
    """The sentence, the feature it begins with in bold."""
    rest = row.sentence.removeprefix(row.title)
    return f"<b>{escape(row.title)}</b>{escape(rest if rest != row.sentence else f': {rest}')}"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts)
    return f'<table class="facts">{rows}</table>'


def _list(sentences: Iterable[str]) -> str:
    return f'<ul class="small">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>'
