"""Smooth multiplicative intensity fields, as surface coils leave them in an image."""

import itertools

import numpy as np


def polynomial_terms(degree: int) -> list[tuple[int, int, int]]:
    """Exponents (z, y, x) of every monomial of total degree 1 to `degree`.

    The constant is left out: it would only scale the field, and the field is normalized.
    """
    powers = itertools.product(range(degree + 1), repeat=3)
    return [term for term in powers if 1 <= sum(term) <= degree]


def bias_field(shape: tuple[int, int, int], coefficients: np.ndarray, degree: int = 3) -> np.ndarray:
    """exp of a polynomial on [-1, 1]^3, divided by its mean.

    Args:
        shape: voxels (z, y, x); an axis with one voxel lies at coordinate 0.
        coefficients: one value per term of `polynomial_terms(degree)`, in that order.
        degree: total degree of the polynomial.

    Returns:
        float32 array (z, y, x), positive, mean 1.

    Raises:
        ValueError: the number of coefficients does not fit the degree.
    """
    terms = polynomial_terms(degree)
    if len(coefficients) != len(terms):
        raise ValueError(f"degree {degree} has {len(terms)} terms, {len(coefficients)} coefficients given")
    z, y, x = (np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1) for n in shape)
    exponent = np.zeros(shape)
    for c, (i, j, k) in zip(coefficients, terms, strict=True):
        exponent += c * (z**i)[:, None, None] * (y**j)[None, :, None] * (x**k)[None, None, :]
    field = np.exp(exponent)
    return (field / field.mean()).astype(np.float32)


def random_bias_field(
    shape: tuple[int, int, int], rng: np.random.Generator, strength: float = 0.5, degree: int = 3
) -> np.ndarray:
    """Bias field with coefficients uniform in [-strength, strength].

    Only the purpose of this augmentation is published (Couteaux 2021, section 2.2); the polynomial is our choice.

    Args:
        shape: voxels (z, y, x).
        rng: source of the coefficients.
        strength: largest absolute coefficient; 0 gives a field of ones.
        degree: total degree of the polynomial.

    Returns:
        float32 array (z, y, x), positive, mean 1.
    """
    coefficients = rng.uniform(-strength, strength, len(polynomial_terms(degree)))
    return bias_field(shape, coefficients, degree)
