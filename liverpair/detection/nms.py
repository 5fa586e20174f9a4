"""Non-maximum suppression."""

import numpy as np

from liverpair.measures.boxes import iou


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Rows (k,) of the boxes (n, 2, d) that stay, best score first: the best is taken, what overlaps it by more than
    `threshold` (IoU) goes, and so on.

    Of equal scores the first row goes first.
    """
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        order = rest[iou(boxes[best : best + 1], boxes[rest])[0] <= threshold]
    return np.array(kept, dtype=int)
