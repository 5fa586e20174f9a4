"""Each published table and figure as one command: `python -m reproduction NAME`.

An experiment trains its networks, or goes on from where their runs were stopped, measures, prints its table beside the
published figures and writes `docs/results/NAME.md`, `.json` and its pictures.
"""

EXPERIMENTS = {
    "chain": "reproduction.chapter1.chain",
    "detection-2d": "reproduction.chapter4.detection_2d",
    "lesion-pairs": "reproduction.chapter4.paired_detection",
    "dream-toy": "reproduction.chapter3.dream_toy",
    "dream-networks": "reproduction.chapter3.dream_scores",
    "dream-marking": "reproduction.chapter3.dream_marking",
    "dream-fake": "reproduction.chapter3.dream_fake",
    "dream-elongated": "reproduction.chapter3.dream_elongated",
    "dream-radiomics": "reproduction.chapter3.dream_radiomics",
    "figure-2-3": "reproduction.chapter2.figure_2_3",
    "table-2-1": "reproduction.chapter2.table_2_1",
    "table-2-2": "reproduction.chapter2.table_2_2",
    "table-2-3": "reproduction.chapter2.table_2_3",
    "figure-2-8": "reproduction.chapter2.figure_2_8",
    "noise-floor": "reproduction.chapter2.noise_floor",
    "budget": "reproduction.chapter2.budget",
    "figure-2-12": "reproduction.chapter2.figure_2_12",
    "figure-2-15": "reproduction.chapter2.figure_2_15",
    "similarity": "reproduction.chapter2.similarity",
    "toy-auto-encoder": "reproduction.chapter5.toy_auto_encoder",
    "digits-auto-encoder": "reproduction.chapter5.digits_auto_encoder",
    "lesion-auto-encoder": "reproduction.chapter5.lesion_auto_encoder",
    "few-labels": "reproduction.chapter5.few_labels",
    "largest-shift": "reproduction.chapter5.largest_shift",
    "registration-attribution": "reproduction.chapter5.registration_attribution",
    "linear-probes": "reproduction.chapter5.linear_probes",
    "paired-dream": "reproduction.chapter5.paired_dream",
    "cross-validation": "reproduction.recipes.cross_validation",
    "augmentation": "reproduction.recipes.augmentation_gains",
    "dice-calibration": "reproduction.recipes.dice_calibration",
    "display-threshold": "reproduction.recipes.display_threshold",
    "memory": "reproduction.memory_limit.memory",
    "views": "reproduction.memory_limit.views",
    "dimensions": "reproduction.memory_limit.dimensions",
    "box-masks": "reproduction.recipes.box_masks",
    "conclusions": "reproduction.conclusions",
}
"""Name of each experiment and the module whose `main(arguments)` runs it."""
