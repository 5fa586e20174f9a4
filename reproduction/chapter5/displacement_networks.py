"""Networks that regress how far images lie apart, trained on pairs that are drawn anew at every step."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as functional

from reproduction.toys.shifted_pairs import ShiftedPairSettings, shifted_pair
from reproduction.training.generated_data import TEST, TRAINING, DrawnSamples
from reproduction.training.registration_network import RegistrationNetwork, dense

BATCH, RATE = 8, 2e-3


def trained_displacements(
    network: RegistrationNetwork, settings: ShiftedPairSettings, steps: int, seed: int
) -> RegistrationNetwork:
    """The network after so many steps toward the true displacements (smooth L1, pixels), in evaluation mode."""
    pairs = DrawnSamples(partial(shifted_pair, settings=settings), steps * BATCH, (TRAINING, seed))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=max(2, steps), pct_start=0.1)
    for step in range(steps):
        images, wanted = stacked([pairs[step * BATCH + row] for row in range(BATCH)])
        found = network(images)
        target = functional.adaptive_avg_pool2d(wanted, found.shape[2:])
        loss = functional.smooth_l1_loss(found, target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"step {step}: {loss.item():.3f}", end="\r", flush=True)
    return network.eval()


def stacked(pairs: Sequence) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (n, 2, y, x) and displacements (n, 2, y, x)."""
    return tuple(torch.from_numpy(np.stack([getattr(p, part) for p in pairs])) for part in ("images", "displacement"))


@torch.no_grad()
def errors_by_length(
    network: RegistrationNetwork, settings: ShiftedPairSettings, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Length of the mean displacement of new pairs and by how much the network errs on it, pixels (count,)."""
    images, wanted = stacked(list(DrawnSamples(partial(shifted_pair, settings=settings), count, (TEST, 7))))
    found = torch.cat([dense(network(part), part.shape[2:]).mean(dim=(2, 3)) for part in images.split(BATCH)])
    true = wanted.mean(dim=(2, 3))
    return true.norm(dim=1).numpy(), (found - true).norm(dim=1).numpy()


def field_of_cell(widths: Sequence[int]) -> int:
    """Side in pixels of what one cell of the coarse grid sees: two convolutions of 3 and a pooling of 2 a level."""
    field, step = 1, 1
    for _ in widths:
        field += 4 * step + step
        step *= 2
    return field
