"""Gradient ascent on an output neuron of a trained network, and the trajectories of the features on the way
(DeepDream; Couteaux 2021, chapter 3).

Importing this room imports neither torch nor pyradiomics; `dreamer`, `neurons` and `ascent` import torch.
"""
