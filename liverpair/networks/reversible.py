"""Steps that can be undone, and a chain of them that keeps nothing but its output while a network learns.

Sources: additive coupling, and activations recomputed from what comes after them: Gomez, Ren, Urtasun and Grosse, The
Reversible Residual Network, NeurIPS 2017. Space-to-depth as down-sampling without loss: Jacobsen, Smeulders and
Oyallon, i-RevNet, ICLR 2018. Half of the channels as the skip: Etmann, Ke and Schönlieb, iUNets, MLSP 2020.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

Keeping = Literal["output", "checkpoints", "everything"]
"""What of a chain is kept for the way back: its output alone, some states and the rest computed again from them, or all
activations, as torch does by itself. Outputs and gradients are the same but for rounding."""
State = tuple[torch.Tensor, ...]
"""Skips, the last the latest, then the two halves of the channels."""
Gradients = dict[nn.Parameter, torch.Tensor]


class Step(nn.Module, ABC):
    """A map from state to state that has an inverse."""

    @abstractmethod
    def forward(self, *state: torch.Tensor) -> State:
        """The next state."""

    @abstractmethod
    def inverse(self, *state: torch.Tensor) -> State:
        """The state that leads to this one."""

    def back(self, state: State, gradients: State, found: Gradients) -> tuple[State, State]:
        """The state before `state`, and the gradients of both; those of parameters are put into `found`.

        As it stands, of a step that only moves values to other places: gradients go the way that values do.
        """
        return self.inverse(*state), self.inverse(*gradients)


class Coupling(Step):
    """y1 = x1 + F(x2), y2 = x2 + G(y1). Undone: x2 = y2 - G(y1), x1 = y1 - F(x2).

    F and G are deterministic and keep no state, for they run twice: no dropout, no batch normalization.
    """

    def __init__(self, f: nn.Module, g: nn.Module):
        super().__init__()
        self.f, self.g = f, g

    def forward(self, *state: torch.Tensor) -> State:
        """As in `Step`."""
        *skips, x1, x2 = state
        y1 = x1 + _of(self.f, x2)
        return *skips, y1, x2 + _of(self.g, y1)

    def inverse(self, *state: torch.Tensor) -> State:
        """As in `Step`; exact but for rounding."""
        *skips, y1, y2 = state
        x2 = y2 - _of(self.g, y1)
        return *skips, y1 - _of(self.f, x2), x2

    def back(self, state: State, gradients: State, found: Gradients) -> tuple[State, State]:
        """As in `Step`, with F and G run once."""
        *skips, y1, y2 = state
        *skipped, dy1, dy2 = gradients
        added, back = _gradient(self.g, y1, dy2, found)
        x2, dx1 = y2 - added, dy1 + back
        added, back = _gradient(self.f, x2, dx1, found)
        return (*skips, y1 - added, x2), (*skipped, dx1, dy2 + back)


class Down(Step):
    """The first half of the channels becomes a skip; the voxels of each cell of the second become channels."""

    def __init__(self, stride: Sequence[int]):
        super().__init__()
        self.stride = tuple(stride)

    def forward(self, *state: torch.Tensor) -> State:
        """As in `Step`."""
        *skips, x1, x2 = state
        return *skips, x1, *space_to_depth(x2, self.stride).chunk(2, 1)

    def inverse(self, *state: torch.Tensor) -> State:
        """As in `Step`."""
        *skips, x1, y1, y2 = state
        return *skips, x1, depth_to_space(torch.cat([y1, y2], 1), self.stride)


class Up(Step):
    """Undoes `Down`: what was brought down goes back beside its skip."""

    def __init__(self, stride: Sequence[int]):
        super().__init__()
        self._down = Down(stride)

    def forward(self, *state: torch.Tensor) -> State:
        """As in `Step`."""
        return self._down.inverse(*state)

    def inverse(self, *state: torch.Tensor) -> State:
        """As in `Step`."""
        return self._down(*state)


class Chain(nn.Module):
    """Steps one after the other, from a tensor (batch, channels, *space) to one of the same shape.

    Values between steps are single precision, also where convolutions are not: with 8 bits of mantissa, what is added
    could not be taken away again.
    """

    def __init__(self, steps: Sequence[Step], keep: Keeping = "output"):
        super().__init__()
        self.steps = nn.ModuleList(steps)
        if keep not in ("output", "checkpoints", "everything"):
            raise ValueError(f"keep is 'output', 'checkpoints' or 'everything', not '{keep}'")
        self.keep = keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output; what is kept for the way back is `keep`'s."""
        if x.shape[1] % 2:
            raise ValueError(f"a chain needs two equal halves of channels, not {x.shape[1]} channels")
        wide = x if x.dtype == torch.float64 else x.float()
        if self.keep == "output" and torch.is_grad_enabled():
            y = _Recomputed.apply(self, wide, *self.parameters())
        else:
            y = torch.cat(self._halves(*wide.chunk(2, 1)), 1)
        return y.to(x.dtype)

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """The input that leads to an output."""
        state: State = y.chunk(2, 1)
        for step in reversed(self.steps):
            state = step.inverse(*state)
        return torch.cat(state, 1)

    def _halves(self, *state: torch.Tensor) -> State:
        checkpoints = self.keep == "checkpoints" and torch.is_grad_enabled()
        for part in self._parts() if checkpoints else [self.steps]:
            run = _run_of(part)
            state = checkpoint(run, *state, use_reentrant=False) if checkpoints else run(*state)
        return state

    def _parts(self) -> list[Sequence[Step]]:
        """About √n parts of about √n steps: the least memory (Chen, Xu, Zhang and Guestrin, arXiv:1604.06174, 2016)."""
        count = len(self.steps)
        parts = math.ceil(math.sqrt(count))
        bounds = [round(number * count / parts) for number in range(parts + 1)] if parts else []
        return [list(self.steps)[start:stop] for start, stop in pairwise(bounds)]


class _Recomputed(torch.autograd.Function):
    """A chain of which the output alone is kept."""

    @staticmethod
    def forward(ctx: Any, chain: Chain, x: torch.Tensor, *parameters: nn.Parameter) -> torch.Tensor:
        ctx.chain, ctx.parameters, ctx.autocast = chain, parameters, _autocast(x.device.type)
        y = torch.cat(_run_of(chain.steps)(*x.chunk(2, 1)), 1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        state, over, found = ctx.saved_tensors[0].chunk(2, 1), gradients[0].chunk(2, 1), {}
        with ctx.autocast():
            for step in reversed(ctx.chain.steps):
                state, over = step.back(state, over, found)
        return None, torch.cat(over, 1), *(found.get(parameter) for parameter in ctx.parameters)


def _run_of(steps: Iterable[Step]) -> Callable[..., State]:
    def run(*state: torch.Tensor) -> State:
        for step in steps:
            state = step(*state)
        return state

    return run


def _of(branch: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What a branch gives for values of another precision than its weights'."""
    weight = next(branch.parameters(), x)
    return branch(x.to(weight.dtype))


def _gradient(
    branch: nn.Module, x: torch.Tensor, over: torch.Tensor, found: Gradients
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a branch gives for `x`, and the gradient in `x` when that in its output is `over`."""
    own = [parameter for parameter in branch.parameters() if parameter.requires_grad]
    with torch.enable_grad():
        seen = x.detach().requires_grad_()
        given = _of(branch, seen)
    back, *of_parameters = torch.autograd.grad(given, [seen, *own], over.to(given.dtype))
    found.update(zip(own, of_parameters))
    return given.detach(), back


def _autocast(device: str) -> Callable[[], AbstractContextManager]:
    """Makes the precision of now again, on the way back."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)

    return lambda: torch.autocast(device, dtype, enabled, cache_enabled=False)


def space_to_depth(x: torch.Tensor, stride: Sequence[int]) -> torch.Tensor:
    """(batch, channels, *space) → (batch, channels · cell, *space / stride): the voxels of each cell of `stride` as
    channels, the first voxels of all channels first."""
    batch, channels, *space = x.shape
    split = [side for n, s in zip(space, stride) for side in (n // s, s)]
    axes = range(len(space))
    order = [0, *(3 + 2 * axis for axis in axes), 1, *(2 + 2 * axis for axis in axes)]
    cells = x.reshape(batch, channels, *split).permute(order)
    return cells.reshape(batch, channels * math.prod(stride), *(n // s for n, s in zip(space, stride)))


def depth_to_space(x: torch.Tensor, stride: Sequence[int]) -> torch.Tensor:
    """Undoes `space_to_depth`."""
    batch, channels, *space = x.shape
    axes = range(len(space))
    cells = x.reshape(batch, *stride, channels // math.prod(stride), *space)
    places = len(space) + 1
    order = [0, places, *(place for axis in axes for place in (places + 1 + axis, 1 + axis))]
    sides = (n * s for n, s in zip(space, stride))
    return cells.permute(order).reshape(batch, channels // math.prod(stride), *sides)
