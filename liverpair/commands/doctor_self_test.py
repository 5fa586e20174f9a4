"""Segment the phantom as a user's volume is segmented, and compare with what was drawn."""

import tempfile
import time
from pathlib import Path

from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.commands.doctor_probe import Finding, Probe
from liverpair.core.errors import no_progress

LOWEST_DICE = 0.8
"""Of the mask with the drawn liver. The default model has 0.95; what computes wrongly has far less."""

FRAME_MM = (4.0, 4.0, 5.0)
MATRIX = 128
"""A crude phantom is made in two seconds, a fine one in ten."""


def self_test() -> list[Finding]:
    """Run the job "segment" twice: the first run loads model and engine, the second finds them warm."""
    from liverpair.io.study import read_image
    from liverpair.jobs.jobs import JOBS
    from liverpair.measures.overlap import dice

    with tempfile.TemporaryDirectory(prefix="liverpair-doctor-") as name:
        folder = Path(name)
        drawn = write_phantom(folder / "t1.nii.gz")
        request = {
            "t1": str(folder / "t1.nii.gz"),
            "output": str(folder / "results"),
            "model": [DEFAULT_LIVER_MODEL],
        }
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            result = JOBS["segment"](request, no_progress)
            seconds.append(time.perf_counter() - started)
        agreement = dice(read_image(result["t1"]["liver"]), drawn)
    cold, warm = seconds
    made_by = result["provenance"]
    values = {"dice": agreement, "cold_s": round(cold, 2), "warm_s": round(warm, 2), "engine": made_by["engine"]}
    how = f"{made_by['engine']} on {made_by['device']}, {cold:.1f} s cold and {warm:.1f} s warm"
    if agreement < LOWEST_DICE:
        sentence = (
            f"The liver of the phantom is not found: Dice {agreement:.2f} with the drawn one, where {LOWEST_DICE:g} is "
            f"the least ({how}). Choose the engine torch-fp32 or another device, and install LiverPair again."
        )
        return [Finding("fault", sentence, values)]
    found = [Finding("ok", f"OK: the liver of the phantom is found, Dice {agreement:.2f} ({how}).", values)]
    return found + [Finding("note", note) for note in result["notes"]]


def write_phantom(path: Path):
    """Write the T1 volume of a crude phantom and return the mask of its liver."""
    from liverpair.io.study import write_image
    from liverpair.synthesis.frame import Frame
    from liverpair.synthesis.phantom import phantom_pair

    fine = Frame()
    shape = tuple(round(n * s / mm) for n, s, mm in zip(fine.shape, fine.spacing[::-1], FRAME_MM[::-1]))
    pair = phantom_pair(0, frame=Frame(FRAME_MM, fine.origin, shape), matrix=MATRIX)
    write_image(pair.t1, path)
    return pair.t1_liver


SELF_TEST = (Probe("The self-test failed", self_test, needed=True),)
