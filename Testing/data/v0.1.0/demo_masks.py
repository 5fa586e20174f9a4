"""Compare the masks of the demo with those of version 0.1.0: `python3 Testing/data/v0.1.0/demo_masks.py [FOLDER]`.

FOLDER is what `python3 quickstart.py demo` wrote (default: demo-output). Voxels and grids are compared, not files,
whose compression may differ. With `--write` the checksums are kept in `demo_masks.json` instead. Exit code 1: a mask
differs.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import SimpleITK as sitk

KEPT = Path(__file__).with_suffix(".json")
IMAGES = ("t1", "t2", "t1_liver", "t2_liver")


def described(path: Path) -> dict:
    """Checksum of the voxels (little-endian, x fastest), their type, and the grid, in LPS mm."""
    image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    return {
        "voxels_sha256": hashlib.sha256(little.tobytes()).hexdigest(),
        "type": str(voxels.dtype),
        "above_zero": int((voxels > 0).sum()),
        "size": list(image.GetSize()),
        "spacing_mm": list(image.GetSpacing()),
        "origin_mm": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def main() -> int:
    """Compare, or write; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo-output"))
    parser.add_argument("--write", action="store_true", help="keep the checksums instead of comparing them")
    options = parser.parse_args()
    found = {name: described(options.folder / f"{name}.nii.gz") for name in IMAGES}
    made_by = json.loads((options.folder / "measures.json").read_text(encoding="utf-8"))["provenance"]
    engine = f"{made_by['engine']} on {made_by['device']}"
    if options.write:
        KEPT.write_text(json.dumps({"engine": engine, "images": found}, indent=1) + "\n", encoding="utf-8")
        return 0
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    if engine != kept["engine"]:
        print(f"Computed by {engine}; the masks of 0.1.0 were by {kept['engine']}: a few voxels may differ.")
    for name in IMAGES:
        wrong = [key for key, value in kept["images"][name].items() if found[name][key] != value]
        print(f"{name}: {'differs in ' + ', '.join(wrong) if wrong else 'the same'}")
    return int(found != kept["images"])


if __name__ == "__main__":
    sys.exit(main())
