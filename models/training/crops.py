"""Random training crops: class-balanced, from small figures to close-ups, with photometric jitter.

A crop is (RGB uint8 [H, W, 3], codes uint8 [H/2, W/2]); scale 1 is the photograph's own size, in which a
figure is about 700 px tall and a head about 95 px.
"""
import json
from pathlib import Path

import cv2
import numpy as np

from label_codes import CLASS, CODE, IGNORE, mirror_table
from pack_dataset import LEVELS
from procedural_backdrops import backdrop

# Classes to look for on purpose, with how often; the rest comes along in any photograph.
SOUGHT = {'hat': 1.3, 'gloves': 0.6, 'sunglasses': 1.2, 'scarf': 1.5, 'socks': 1.3, 'skirt': 1.4,
          'dress': 1.3, 'coat': 1.0, 'suit': 0.4, 'upper-clothes': 0.5}
SEEK = 0.55
MIN_SOUGHT_PIXELS = 200
# (probability, smallest scale, largest scale); scales are drawn log-uniformly.
FIGURE, CLOSE_UP, SMALL = (0.60, 0.50, 1.0), (0.28, 0.95, 3.0), (0.12, 0.3, 0.5)
LARGEST_WITHOUT_HEAD = 1.8    # closer, a piece of cloth says nothing of what it is worn as
UPPER_BODY = [CLASS[c] for c in ('face', 'hair', 'hat', 'upper-clothes', 'coat', 'sunglasses', 'scarf',
                                 'torso-skin')]
BACKDROP = 0.10
GREYSCALE = 0.10
OUTSIDE = 127     # grey: zero after normalisation, like the padding at inference


class Dataset:
    """The packed photographs (pack_dataset.py), mapped into memory."""

    def __init__(self, folder):
        folder = Path(folder)
        self.index = json.loads((folder / 'index.json').read_text())
        self.photos = np.memmap(folder / 'photos.u8', np.uint8, 'r')
        self.codes = np.memmap(folder / 'codes.u8', np.uint8, 'r')
        counts = np.array([entry['counts'] for entry in self.index])
        self.holders, weights = [], []
        for name, weight in SOUGHT.items():
            holders = np.nonzero(counts[:, CODE[name]] > MIN_SOUGHT_PIXELS)[0]
            if len(holders) > 3:
                self.holders.append((CODE[name], holders))
                weights.append(weight)
        self.sought_probability = np.array(weights) / sum(weights)
        self.class_counts = counts[:, :20].sum(0)

    def __len__(self):
        return len(self.index)

    def photo(self, number, level):
        """RGB uint8 view at 1 / LEVELS[level] of the size."""
        height, width, offset = self.index[number]['levels'][level]
        return self.photos[offset:offset + height * width * 3].reshape(height, width, 3)

    def code_map(self, number):
        height, width, _ = self.index[number]['levels'][0]
        offset = self.index[number]['codes']
        return self.codes[offset:offset + height * width].reshape(height, width)


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def random_pixel(rng, mask):
    """x, y of a random set pixel of bool [H, W], or None."""
    found = np.flatnonzero(mask)
    if not len(found):
        return None
    y, x = divmod(int(found[rng.integers(len(found))]), mask.shape[1])
    return np.array([x, y], np.float64)


def cut(rng, data, size, mode):
    """One photograph's crop of `size` (height, width) at a scale of the `mode` (probability, low, high)."""
    height, width = size
    sought = None
    if rng.random() < SEEK:
        sought, holders = data.holders[rng.choice(len(data.holders), p=data.sought_probability)]
        number = int(holders[rng.integers(len(holders))])
    else:
        number = int(rng.integers(len(data)))
    codes = data.code_map(number)
    scale = log_uniform(rng, *mode[1:])
    coarse = codes[::4, ::4]
    focus = None
    if mode is CLOSE_UP:
        if sought is None or rng.random() < 0.6:
            wanted = np.isin(coarse, [CLASS['face'], CLASS['hair']] if rng.random() < 0.6 else UPPER_BODY)
        else:
            wanted = coarse == sought
            scale = min(scale, log_uniform(rng, mode[1], LARGEST_WITHOUT_HEAD))
        focus = random_pixel(rng, wanted)
    elif sought is not None and rng.random() < 0.6:
        focus = random_pixel(rng, coarse == sought)
    if focus is None:
        focus = random_pixel(rng, coarse != 0) if rng.random() < 0.85 else None
    if focus is None:
        focus = np.array([rng.uniform(0, coarse.shape[1]), rng.uniform(0, coarse.shape[0])])
    focus = focus * 4 + rng.uniform(-0.5, 0.5, 2) * 0.7 * np.array([width, height]) / scale
    # Where the crop fits into the photograph, keep it inside: real edges cut people as crops do.
    reach = np.array([width, height]) / scale / 2
    extent = np.array(codes.shape[::-1], np.float64)
    if rng.random() < 0.9:
        within = np.clip(focus, reach, np.maximum(extent - reach, reach))
        focus = np.where(reach * 2 < extent, within, extent / 2)
    angle = np.deg2rad(rng.uniform(-10, 10) if rng.random() < 0.9 else rng.uniform(-35, 35))
    stretch = np.exp(rng.uniform(-0.08, 0.08))
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    to_photo = np.array([[cosine * stretch, -sine], [sine * stretch, cosine]])
    mirrored = rng.random() < 0.5
    if mirrored:
        to_photo[:, 0] *= -1
    origin = focus - to_photo @ np.array([width / 2, height / 2])
    level = 0 if scale >= 0.6 else 1 if scale >= 0.3 else 2
    photo = warp(data.photo(number, level), to_photo / LEVELS[level], origin / LEVELS[level], size,
                 cv2.INTER_LINEAR, OUTSIDE)
    labels = warp(codes, to_photo * 2, origin, (height // 2, width // 2), cv2.INTER_NEAREST, IGNORE)
    if mirrored:
        labels = mirror_table()[labels]
    return photo, labels


def warp(source, linear, origin, size, interpolation, border):
    """Resample so that output pixel centres p map to linear @ p + origin, pixel centres at +0.5."""
    offset = linear @ np.array([0.5, 0.5]) + origin - 0.5
    matrix = np.concatenate([linear, offset[:, None]], 1)
    return cv2.warpAffine(source, matrix, size[::-1], flags=interpolation | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_CONSTANT, borderValue=(border,) * 3)


def replace_background(rng, photo, labels):
    """The person before drawn cloth, stripes or gradients: flags and curtains are not clothes worn."""
    height, width = photo.shape[:2]
    keep = cv2.resize((labels != CLASS['background']).astype(np.float32), (width, height))
    keep = cv2.GaussianBlur(keep, (0, 0), 1.2)[..., None]
    return (keep * photo + (1 - keep) * backdrop(rng, height, width)).astype(np.uint8)


def colour_jitter(rng, photo):
    """Exposure, contrast, white balance, saturation, greyscale, blur, noise, JPEG."""
    x = photo.astype(np.float32)
    if rng.random() < 0.8:
        gamma = np.exp(rng.uniform(-0.4, 0.4))
        ramp = np.linspace(0, 1, 256, dtype=np.float32) ** gamma * 255
        x = ramp[photo]
        grey = x.mean((0, 1)).mean()
        x = (x - grey) * rng.uniform(0.65, 1.35) + grey * rng.uniform(0.75, 1.25)
        x *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    luma = x @ np.array([0.299, 0.587, 0.114], np.float32)
    if rng.random() < GREYSCALE:
        x = np.repeat(luma[..., None], 3, 2)
    elif rng.random() < 0.5:
        x = luma[..., None] + (x - luma[..., None]) * rng.uniform(0.3, 1.6)
    if rng.random() < 0.06:
        x = x[..., [[0, 2, 1], [1, 0, 2], [2, 1, 0]][rng.integers(3)]]
    if rng.random() < 0.15:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.5, 1.6))
    if rng.random() < 0.15:
        x = x + rng.normal(0, rng.uniform(2, 12), (*x.shape[:2], 1)).astype(np.float32)
    x = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = int(rng.integers(35, 85))
        x = cv2.imdecode(cv2.imencode('.jpg', x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return x


def random_crop(rng, data, size):
    """One training crop of `size` (height, width)."""
    modes = (FIGURE, CLOSE_UP, SMALL)
    mode = modes[rng.choice(3, p=[m[0] for m in modes])]
    if mode is SMALL:   # two photographs side by side: people beside people, nothing left empty
        height, width = size
        halves = [cut(rng, data, (height, width // 2), mode) for _ in range(2)]
        photo, labels = (np.concatenate(parts, 1) for parts in zip(*halves, strict=True))
    else:
        photo, labels = cut(rng, data, size, mode)
        if rng.random() < BACKDROP:
            photo = replace_background(rng, photo, labels)
    return colour_jitter(rng, photo), labels
