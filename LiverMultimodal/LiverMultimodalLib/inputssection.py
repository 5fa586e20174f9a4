"""The section "Inputs": what is segmented, and with which network."""

from LiverPairLib.modelandvolumes import ModelAndVolumesSection


class InputsSection(ModelAndVolumesSection):
    """Volumes and model of a segmentation."""

    name = "Inputs"
    segmentations = "Segmentation"
