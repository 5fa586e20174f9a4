"""nnU-Net's own preprocessing, predictor and resampling on one image, with our progress and cancellation.

The package `nnunetv2` is optional and imported only when a model of it runs.
"""

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import torch

from liverpair.core.errors import Cancelled, LiverPairError, MissingPackageError, Progress, no_progress, part_of
from liverpair.engine.base import first_line

HOW_TO_INSTALL = "Install it with 'pip install nnunetv2'; in Slicer, the module offers that."


class NnUNet:
    """A trained nnU-Net on a device.

    Parameters
    ----------
    plans, dataset
        The content of its plans.json and dataset.json, which have been checked.
    configuration
        Of the plans.
    parameters
        The weights of each fold; their logits are averaged.
    mirror_axes
        Along which the network was trained mirrored, as its checkpoints say.

    Raises `MissingPackageError` without `nnunetv2`, and `ValueError` for weights that do not fit the plans.
    """

    def __init__(
        self,
        plans: Mapping[str, Any],
        dataset: Mapping[str, Any],
        configuration: str,
        parameters: Sequence[Mapping[str, torch.Tensor]],
        device: torch.device,
        mirror_axes: Sequence[int] | None = None,
    ):
        with _quietly():
            from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

            self.plans = PlansManager(copy.deepcopy(dict(plans)))
            self.configuration = self.plans.get_configuration(configuration)
            self.labels = self.plans.get_label_manager(dict(dataset))
            self._predictor = _predictor(device)
            network = build_network(plans, dataset, configuration)
            check_weights(network, parameters)
            self._predictor.manual_initialization(
                network,
                self.plans,
                self.configuration,
                [dict(one) for one in parameters],
                dict(dataset),
                "nnUNetTrainer",
                tuple(mirror_axes) if mirror_axes else None,
            )
        self._dataset, self._name = dict(dataset), configuration
        self.device = device

    @property
    def network(self) -> torch.nn.Module:
        """The network of the first fold, a copy."""
        network = copy.deepcopy(self._predictor.network)
        network.load_state_dict(self._predictor.list_of_parameters[0])
        return network.eval()

    def untrained(self) -> torch.nn.Module:
        """A network of the same kind with random weights."""
        return build_network(self.plans.plans, self._dataset, self._name)

    @property
    def multiple_of(self) -> tuple[int, ...]:
        """What the sides (z, y, x) of its images are multiples of: by as much it halves them."""
        strides = np.prod(self.configuration.network_arch_init_kwargs["strides"], axis=0)
        sides = [1, 1, 1]
        for axis, stride in zip(self.plans.transpose_forward[-len(strides) :], strides):
            sides[axis] = int(stride)
        return tuple(sides)

    def seen(
        self, image: np.ndarray, spacing: Sequence[float]
    ) -> tuple[np.ndarray, tuple[int, ...], tuple[float, ...]]:
        """What the network sees of an image (z, y, x): (z, y, x) float32 in its intensities; the voxel of the image at
        which that starts, and the spacing it has, mm (z, y, x)."""
        with _quietly():
            data, properties = self._preprocessed(image[None], spacing)
        backward = self.plans.transpose_backward
        seen = np.ascontiguousarray(np.asarray(data)[0].transpose(backward), dtype=np.float32)
        block = [properties["bbox_used_for_cropping"][axis] for axis in backward]
        extent = [(stop - start) * s for (start, stop), s in zip(block, spacing)]
        return seen, tuple(start for start, _ in block), tuple(e / n for e, n in zip(extent, seen.shape))

    @property
    def reader(self) -> str:
        """What it expects images to be read with, which decides on the order of their voxels."""
        return self.plans.plans.get("image_reader_writer", "SimpleITKIO")

    @property
    def mirrored(self) -> str:
        """The axes of an image along which the network was trained mirrored: some of "xyz"."""
        axes = self._predictor.allowed_mirroring_axes or ()
        patch = len(self.configuration.patch_size)
        return "".join(sorted("zyx"[self.plans.transpose_forward[axis + 3 - patch]] for axis in axes))

    def probability(
        self,
        image: np.ndarray,
        spacing: Sequence[float],
        channels: Sequence[int],
        mirror: bool = False,
        progress: Progress = no_progress,
    ) -> np.ndarray:
        """The probability (z, y, x) float32 of what `channels` of the output say, on the voxels of `image`
        (images, z, y, x).

        Among several labels it is that of the best of `channels` against the best of the others, so that it is above
        1/2 exactly where nnU-Net's own map has one of them. `spacing`: mm (z, y, x). Raises what `progress` raises.
        """
        progress(0.0, "Preprocessing")
        with _quietly():
            data, properties = self._preprocessed(image, spacing)
            logits = self._logits(torch.from_numpy(np.ascontiguousarray(data)), mirror, part_of(progress, 0.05, 0.9))
            progress(0.9, "Resampling")
            contrast = self._contrast(logits, channels)
            del logits
            return self._on_image(contrast, properties)

    def _preprocessed(self, image: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, dict[str, Any]]:
        preprocessor = self.configuration.preprocessor_class(verbose=False)
        about: dict[str, Any] = {"spacing": [float(s) for s in spacing]}
        data, _, about = preprocessor.run_case_npy(image, None, about, self.plans, self.configuration, self._dataset)
        return data, about

    def _logits(self, data: torch.Tensor, mirror: bool, progress: Progress) -> torch.Tensor:
        self._predictor.use_mirroring = mirror
        return self._predictor.watched(data, progress)

    def _contrast(self, logits: torch.Tensor, channels: Sequence[int]) -> torch.Tensor:
        """Log-odds (1, z, y, x) of the channels: against the best of the others, or of regions their own."""
        chosen = logits[list(channels)].float().amax(dim=0, keepdim=True)
        if self.labels.has_regions:
            return chosen
        others = [number for number in range(len(logits)) if number not in channels]
        return chosen - logits[others].float().amax(dim=0, keepdim=True)

    def _on_image(self, contrast: torch.Tensor, properties: Mapping[str, Any]) -> np.ndarray:
        """Log-odds on the network's voxels as probabilities on those of the image, as nnU-Net resamples; 0 in the
        margins that it cuts away."""
        shape = properties["shape_after_cropping_and_before_resampling"]
        forward = self.plans.transpose_forward
        own = [properties["spacing"][axis] for axis in forward]
        spacing = self.configuration.spacing
        spacing = spacing if len(spacing) == len(shape) else [own[0], *spacing]
        resampled = self.configuration.resampling_fn_probabilities(contrast, shape, spacing, own)
        inside = torch.as_tensor(np.asarray(resampled))[0].float().sigmoid().numpy()
        whole = np.zeros(properties["shape_before_cropping"], np.float32)
        whole[tuple(slice(*bounds) for bounds in properties["bbox_used_for_cropping"])] = inside
        return np.ascontiguousarray(whole.transpose(self.plans.transpose_backward))


def build_network(plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str) -> torch.nn.Module:
    """The network of the plans with weights of its own, in eval mode, without the outputs that only training needs.

    Raises `ValueError` where nnU-Net cannot build it.
    """
    try:
        with _quietly():
            from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
            from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

            manager = PlansManager(copy.deepcopy(dict(plans)))
            settings = manager.get_configuration(configuration)
            return get_network_from_plans(
                settings.network_arch_class_name,
                settings.network_arch_init_kwargs,
                settings.network_arch_init_kwargs_req_import,
                max(1, len(dataset.get("channel_names") or dataset.get("modality") or {})),
                manager.get_label_manager(dict(dataset)).num_segmentation_heads,
                allow_init=False,
                deep_supervision=False,
            ).eval()
    except LiverPairError:
        raise
    except Exception as error:  # plans may hold anything
        raise ValueError(f"its plans do not make a network: {first_line(error)}") from error


def check_weights(network: torch.nn.Module, parameters: Sequence[Mapping[str, torch.Tensor]]) -> None:
    """Raise `ValueError` unless each of `parameters` has the names and shapes of the network's."""
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for number, own in enumerate(parameters):
        found = {name: tuple(value.shape) for name, value in own.items()}
        for name in wanted.keys() | found.keys():
            if wanted.get(name) != found.get(name):
                has, needs = (str(one.get(name, "missing")) for one in (found, wanted))
                raise ValueError(f"of checkpoint {number + 1}, '{name}' is {has} and its plans have {needs}")


def _predictor(device: torch.device) -> Any:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    class Watched(nnUNetPredictor):
        """nnU-Net's predictor, which tells how far it is and can be stopped between windows."""

        def watched(self, data: torch.Tensor, progress: Progress) -> torch.Tensor:
            """The logits of preprocessed `data`. Once stopped, the windows that are left are passed over, since what
            feeds them would otherwise wait for ever."""
            self._progress, self._stopped, self._done = progress, None, count()
            padded = [max(own, wanted) for own, wanted in zip(data.shape[1:], self._window(data))]
            self._windows = len(self._internal_get_sliding_window_slicers(tuple(padded))) * len(self.list_of_parameters)
            logits = self.predict_logits_from_preprocessed_data(data)
            if self._stopped is not None:
                raise self._stopped
            return logits

        def _window(self, data: torch.Tensor) -> list[int]:
            own = list(self.configuration_manager.patch_size)
            return own if len(own) == data.ndim - 1 else [data.shape[1], *own]

        def _internal_maybe_mirror_and_predict(self, x: torch.Tensor) -> torch.Tensor:
            if self._stopped is None:
                number = next(self._done)
                try:
                    share = min(1.0, number / self._windows)
                    self._progress(share, f"Segmenting window {number + 1} of {self._windows}")
                except (Cancelled, LiverPairError) as stopped:
                    self._stopped = stopped
            if self._stopped is not None:
                heads = self.label_manager.num_segmentation_heads
                return torch.zeros((1, heads, *x.shape[2:]), device=x.device)
            return super()._internal_maybe_mirror_and_predict(x)

    return Watched(
        tile_step_size=0.5,
        use_gaussian=True,
        use_mirroring=False,
        perform_everything_on_device=device.type == "cuda",
        device=device,
        allow_tqdm=False,
    )


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """nnU-Net prints on the way, and not for our users; a package that is missing is named."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                f"Running a model of nnU-Net needs the package '{(error.name or 'nnunetv2').partition('.')[0]}'.",
                HOW_TO_INSTALL,
            ) from error
