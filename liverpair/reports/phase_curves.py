"""The curves of lesions over the dynamic phases, for a report."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from liverpair.core.lesion_findings import DYNAMIC, FORM_TITLES, PHASES, PhaseSignal
from liverpair.core.lesions import Lesion
from liverpair.measures.lesion_rows import LesionRow
from liverpair.measures.phases import enhancement_curve, lirads_inputs, lirads_sentences
from liverpair.reports.target_pictures import DPI, Axes, pyplot

LESION, LIVER = "#c2410c", "#0b4f7d"
SHORT = {"native": "native", "arterial": "art.", "portal": "portal", "delayed": "delayed", "hepatobiliary": "hep."}


@dataclass(frozen=True)
class PhaseTold:
    """What a report says of a lesion in its phases: its signals, the inputs of LI-RADS as sentences, and what a
    radiologist has decided."""

    name: str
    phases: Mapping[str, PhaseSignal]
    measured: Sequence[str]
    decided: Sequence[str]


def told_of(lesion: Lesion, row: LesionRow, t2_contrast: float | None) -> PhaseTold | None:
    """What a report says of a lesion; None where nothing was measured in a phase and nothing decided."""
    measured = lirads_sentences(lirads_inputs(lesion.phases, t2_contrast)) if lesion.phases else []
    decided = [f"{FORM_TITLES[key]}: {answer}" for key, answer in lesion.reading.items()]
    if not measured and not decided and not lesion.phases:
        return None
    return PhaseTold(f"Lesion {row.number}", lesion.phases, measured, decided)


def draw_curve(axes: Axes, told: PhaseTold, size: float = 6.5) -> None:
    """Draw the enhancement of lesion and liver over the phases or, without a native one, the contrast of both."""
    curve = enhancement_curve(told.phases)
    places = [place for place, key in enumerate(DYNAMIC) if key in curve]
    points = [curve[key] for key in DYNAMIC if key in curve]
    relative = bool(points) and all("lesion" in point for point in points)
    axes.axhline(0.0, color="#bbbbbb", linewidth=0.6)
    if relative:
        for what, style, color in (("liver", "s--", LIVER), ("lesion", "o-", LESION)):
            values = [point[what] for point in points]
            axes.plot(places, values, style, color=color, label=what, markersize=3, linewidth=1.1)
        axes.set_ylabel("over native, %", size=size)
        axes.legend(fontsize=size - 1, frameon=False)
    else:
        axes.plot(places, [point["contrast"] for point in points], "o-", color=LESION, markersize=3, linewidth=1.2)
        axes.set_ylabel("against liver, %", size=size)
    axes.set_xticks(places, [SHORT[DYNAMIC[place]] for place in places], size=size)
    axes.tick_params(labelsize=size, length=2, pad=1.5)
    axes.set_title(told.name, size=size + 1, pad=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.margins(x=0.12)


def curves_png(told: Sequence[PhaseTold], width: float = 2.3) -> bytes:
    """A row of curves as PNG."""
    figure, axes = pyplot.subplots(1, len(told), figsize=(width * len(told), 1.5), squeeze=False)
    for one, own in zip(axes[0], told):
        draw_curve(one, own)
    figure.tight_layout(pad=0.4)
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png")
    pyplot.close(figure)
    return out.getvalue()


def has_curve(told: PhaseTold) -> bool:
    """Whether there are two dynamic phases or more."""
    return sum(key in told.phases for key in DYNAMIC) > 1


def other_signals(told: PhaseTold) -> list[str]:
    """The contrasts in series that no curve shows."""
    others = [key for key in PHASES if key in told.phases and key not in DYNAMIC]
    known = [(key, told.phases[key].contrast_percent) for key in others]
    return [
        f"{PHASES[key].capitalize()}: {value:+.0f} % against the liver." for key, value in known if value is not None
    ]
