"""Liver segmentation: preparation of images, input/output strategies, losses, inference, post-processing."""
