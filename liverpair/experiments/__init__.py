"""Each published table and figure as one command: `python -m liverpair.experiments NAME`.

An experiment trains its networks, or goes on from where their runs were stopped, measures, prints its table beside the
published figures and writes `docs/results/NAME.md`, `.json` and its pictures.
"""

EXPERIMENTS = {
    "detection-2d": "liverpair.experiments.detection_2d",
    "lesion-pairs": "liverpair.experiments.lesion_pairs",
    "dream-toy": "liverpair.experiments.dream_toy",
    "dream-networks": "liverpair.experiments.dream_scores",
    "dream-marking": "liverpair.experiments.dream_marking",
    "dream-fake": "liverpair.experiments.dream_fake",
    "dream-elongated": "liverpair.experiments.dream_elongated",
    "dream-radiomics": "liverpair.experiments.dream_radiomics",
    "figure-2-3": "liverpair.experiments.figure_2_3",
    "table-2-1": "liverpair.experiments.table_2_1",
    "table-2-2": "liverpair.experiments.table_2_2",
    "table-2-3": "liverpair.experiments.table_2_3",
    "figure-2-8": "liverpair.experiments.figure_2_8",
    "noise-floor": "liverpair.experiments.noise_floor",
    "budget": "liverpair.experiments.budget",
    "figure-2-12": "liverpair.experiments.figure_2_12",
    "figure-2-15": "liverpair.experiments.figure_2_15",
    "similarity": "liverpair.experiments.similarity",
    "cross-validation": "liverpair.experiments.cross_validation",
    "augmentation": "liverpair.experiments.augmentation",
    "conclusions": "liverpair.experiments.conclusions",
}
"""Name of each experiment and the module whose `main(arguments)` runs it."""
