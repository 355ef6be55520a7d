"""Packed photographs (packing.py) and pieces cut out of them."""
import json

import cv2
import numpy as np

from label_codes import IGNORE
from packing import LEVELS

NAMES = 59        # of the data set, its `null` among them
OUTSIDE = 127     # grey: zero after normalisation, like the padding at inference
EDGE = 3          # pixels of the map around what is pasted, for its soft edge


class Packed:
    """One folder of packed photographs (packing.py), mapped into memory."""

    def __init__(self, folder):
        self.index = json.loads((folder / 'index.json').read_text())
        self.photos = np.memmap(folder / 'photos.u8', np.uint8, 'r')
        self.maps = np.memmap(folder / 'maps.u8', np.uint8, 'r')
        self.counts = np.array([entry['counts'] for entry in self.index])
        self.worn = np.zeros((len(self.index), NAMES), bool)
        for row, entry in zip(self.worn, self.index, strict=True):
            row[slice(None) if entry['worn'] is None else entry['worn']] = True
        self.worn_known = np.array([entry['worn'] is not None for entry in self.index])
        self.units = np.array([entry['unit'] for entry in self.index])
        # Shoulders and hips, left and right, or NaN where they are not known: [photos, 4, (x, y)].
        self.torsos = np.array([entry['torso'] or [[np.nan] * 2] * 4 for entry in self.index])

    def holders(self, code, pixels):
        """Numbers of the photographs in which so many pixels have the code."""
        return np.flatnonzero(self.counts[:, code] > pixels)

    def photo(self, number, level):
        """RGB uint8 view at 1 / LEVELS[level] of the size."""
        height, width, offset = self.index[number]['levels'][level]
        return self.photos[offset:offset + height * width * 3].reshape(height, width, 3)

    def labels(self, number):
        """uint8 view [H, W, 3]: codes, names, people."""
        height, width, _ = self.index[number]['levels'][0]
        offset = self.index[number]['maps']
        return self.maps[offset:offset + height * width * 3].reshape(height, width, 3)

    def cut(self, number, linear, origin, size, border):
        """RGB uint8 [H, W, 3] whose pixel p shows the photograph's linear @ p + origin; codes, names and
        people uint8 [H/2, W/2] of it. Outside of the photograph nothing is known; `border` is seen there.
        """
        scale = 1 / np.sqrt(abs(np.linalg.det(linear)))
        level = 0 if scale >= 0.6 else 1 if scale >= 0.3 else 2
        photo = warp(self.photo(number, level), linear / LEVELS[level], origin / LEVELS[level], size,
                     cv2.INTER_LINEAR, border, OUTSIDE)
        maps = warp(self.labels(number), linear * 2, origin, (size[0] // 2, size[1] // 2),
                    cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, IGNORE)
        return photo, *(np.ascontiguousarray(maps[..., k]) for k in range(3))


def warp(source, linear, origin, size, interpolation, border, value=0):
    """Resample so that output pixel centres p map to linear @ p + origin, pixel centres at +0.5."""
    offset = linear @ np.array([0.5, 0.5]) + origin - 0.5
    matrix = np.concatenate([linear, offset[:, None]], 1)
    return cv2.warpAffine(source, matrix, size[::-1], flags=interpolation | cv2.WARP_INVERSE_MAP,
                          borderMode=border, borderValue=(value,) * 3)


def pasted(rng, photo, other, inside):
    """RGB uint8 [H, W, 3]: the photo with the other one where bool [H/2, W/2] `inside` is.

    The edge is soft, and the other one's light is drawn towards the photo's.
    """
    gain = np.clip((photo.mean() + 30) / (other.mean() + 30), 0.7, 1.4) ** rng.uniform(0, 1)
    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    rows, columns = (slice(max(start - EDGE, 0), start + length + EDGE)
                     for start, length in ((top, height), (left, width)))
    area = slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop)
    result = photo.copy()
    shown, given = photo[area], other[area].astype(np.float32)
    alpha = cv2.resize(inside[rows, columns].astype(np.float32), shown.shape[1::-1])
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8)[..., None]
    result[area] = alpha * np.clip(given * np.float32(gain), 0, 255) + (1 - alpha) * shown
    return result
