"""Paired lesion detection: anchors, targets, losses, boxes out of a network's answer, and their links (Couteaux 2021,
chapter 4).

Box arrays and tensors are (n, 2, d): lower and upper bounds along the axes (z, y, x) or (y, x), in voxels of the image
that the network sees. Voxel i fills the interval from i to i + 1. Image 0 is T1, image 1 is T2.
"""
