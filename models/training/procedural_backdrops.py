"""Drawn backgrounds without people: waving stripes, folds of cloth, plain and graded walls, blocks."""
import cv2
import numpy as np


def smooth_noise(rng, height, width, cells):
    """float32 [H, W] in about -1..1, with `cells` bumps along a side."""
    coarse = rng.normal(0, 0.5, (cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def coordinate(rng, height, width):
    """A direction across the picture, bent by smooth noise, 0..1 or so."""
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    bend = rng.uniform(0, 0.15) * smooth_noise(rng, height, width, int(rng.integers(2, 6)))
    return np.cos(angle) * x + np.sin(angle) * y + bend


def colours(rng, count):
    """float32 [count, 3], strong ones and pale ones."""
    grey = rng.uniform(20, 235, (count, 1))
    tint = rng.uniform(0.1, 1.2) * rng.uniform(-120, 120, (count, 3))
    return np.clip(grey + tint, 0, 255).astype(np.float32)


def backdrop(rng, height, width):
    """float32 [H, W, 3], 0..255."""
    across = coordinate(rng, height, width)
    kind = rng.integers(4)
    if kind == 0:      # wall with a gradient
        first, second = colours(rng, 2)
        blend = np.clip(across - across.min(), 0, 1)[..., None]
        picture = first * (1 - blend) + second * blend
    elif kind == 1:    # flag: a few colours in stripes
        palette = colours(rng, int(rng.integers(2, 5)))
        stripes = np.floor(across * rng.uniform(3, 16)).astype(int) % len(palette)
        picture = palette[stripes]
    elif kind == 2:    # blocks
        palette = colours(rng, 6)
        other = coordinate(rng, height, width)
        cells = np.floor(across * rng.uniform(2, 7)) + 3 * np.floor(other * rng.uniform(2, 7))
        picture = palette[cells.astype(int) % 6]
    else:              # mottled
        bumps = smooth_noise(rng, height, width, int(rng.integers(4, 40)))
        picture = colours(rng, 1)[0] + 40 * bumps[..., None]
    # Folds: light and dark along one direction.
    if rng.random() < 0.6:
        folds = np.sin(coordinate(rng, height, width) * rng.uniform(15, 70) + rng.uniform(0, 6))
        picture = picture * (1 + rng.uniform(0.05, 0.35) * folds[..., None])
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(1, 8), (height, width, 1))
    return np.clip(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), rng.uniform(0.6, 2.5)), 0, 255)
