"""What a dream's report says in words: about the dream, its settings, its provenance, and how to read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Facts = list[tuple[str, str]]

SIDES = ("t1", "t2")

WHAT = (
    "The image is changed step by step so that one output neuron of the model answers more (or less). Each curve is a "
    "radiomic feature of the object that appears there: the voxels above the threshold that are connected with the "
    "neuron. Before there is an object, its features are undefined."
)
RANGED = (
    "z = (value − mean) / SD over the lesions the model was trained on; the green band, −1 to 1, is the normal range.",
    "Moves toward the band: the model looks for this. Flat inside: it is robust to it. Flat outside: it is not "
    "sensitive enough. Leaves the band fast: it is too sensitive.",
)
UNRANGED = (
    "This model has no normal ranges, so values are shown as they are: they say what changes, not what is normal. "
    "'python -m liverpair normal-ranges' computes ranges from a folder of studies.",
)
BASELINES = (
    "A curve speaks of the model only as far as it differs from the dotted ones, which show what the same steps do "
    "with random weights, or in a random direction."
)
NO_BASELINES = "This dream has no baselines: whether any ascent would do the same, these curves do not tell."
CAUTION = "A report on a model, not on a patient. For research and teaching."


def how_to_read(ranges: bool, baselines: bool) -> tuple[str, ...]:
    """How to read a dream with or without normal ranges and baselines."""
    return (WHAT, *(RANGED if ranges else UNRANGED), BASELINES if baselines else NO_BASELINES, CAUTION)


def about(content: Mapping[str, Any], starts: int) -> str:
    """The dream in one line: image, starts, what was raised, and when."""
    settings = content.get("settings", {})
    goal = "raised" if settings.get("direction", "ascent") == "ascent" else "lowered"
    date = str(content.get("provenance", {}).get("date", ""))[:10]
    parts = [
        input_names(content),
        "1 start" if starts == 1 else f"{starts} starts",
        f"{settings.get('activation', 'logit')} of the neuron {goal}, {settings.get('iterations', '?')} steps at most",
        date,
    ]
    return " · ".join(part for part in parts if part)


def input_names(content: Mapping[str, Any]) -> str:
    """The files that were dreamed on, by name: "T1 a.nii.gz, T2 b.nii.gz"."""
    inputs = content.get("inputs", {})
    return ", ".join(f"{side.upper()} {Path(inputs[side]).name}" for side in SIDES if inputs.get(side))


def setting_facts(content: Mapping[str, Any], starts: int) -> Facts:
    """Settings as (name, value), those that bend the trajectories."""
    s = content.get("settings", {})
    facts: Facts = []
    if s:
        normalized = s["gradient"] == "normalized"
        step = f"{s['step']:g} of the dynamic range (RMS over the image)" if normalized else f"gradient × {s['step']:g}"
        rule = f"; ends when {s['patience']} steps gain less than {100 * s['minimum_gain']:g} %"
        facts = [
            ("Goal", f"{s['direction']} of the {s['activation']}"),
            ("Step", f"{step}, {s['gradient']} gradient"),
            ("Steps", f"up to {s['iterations']}{rule if s['minimum_gain'] else ''}"),
            ("Object", f"probability above {s['threshold']:g}"),
            ("Seed", str(s["seed"])),
        ]
    baselines = dict.fromkeys(run["run"].replace("-", " ") for run in content["runs"] if run["run"] != "dream")
    facts.append(("Runs", ", ".join([f"dream from {starts} start{'s' * (starts > 1)}", *baselines])))
    measured = content.get("feature_settings") or {}
    if measured:
        spacing = " × ".join(f"{side:g}" for side in measured.get("spacing_mm", ()))
        facts.append(
            (
                "Features",
                f"pyradiomics, on intensities clipped to 0–1 × {measured.get('scale', 255):g}, bins of "
                f"{measured.get('bin_width', 10):g}" + (f", voxels of {spacing} mm" if spacing else ""),
            )
        )
    return facts


def provenance_facts(content: Mapping[str, Any]) -> Facts:
    """Where the dream comes from, as (name, value)."""
    p = content.get("provenance", {})
    checksums = content.get("asked", {}).get("inputs", {})
    facts = [("Model", f"{p.get('bundle', '')} {p.get('version', '')}".strip())]
    facts.append(("Weights", f"SHA-256 {str(p.get('sha256', ''))[:16]}…"))
    for side in SIDES:
        path = content.get("inputs", {}).get(side)
        if path:
            checksum = f", SHA-256 {str(checksums[side])[:16]}…" if checksums.get(side) else ""
            facts.append((side.upper(), f"{Path(path).name}{checksum}"))
    ranges = content.get("ranges") or {}
    if ranges:
        facts.append(("Normal", f"{ranges.get('count', '?')} lesions: {ranges.get('data', 'not recorded')}"))
    seconds = f", {p['seconds']:.0f} s" if isinstance(p.get("seconds"), int | float) else ""
    facts.append(("Computed", f"on {p.get('device', '?')} in {p.get('precision', '?')}{seconds}"))
    date = str(p.get("date", ""))[:16].replace("T", " ")
    facts.append(("By", ", ".join(part for part in (str(p.get("software", "")), date and f"{date} UTC") if part)))
    return [(name, value) for name, value in facts if value]
