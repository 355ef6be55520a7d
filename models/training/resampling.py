"""Maps of a network brought onto the grid of a photo."""
import cv2
import numpy as np


def sampled(maps, rows, columns):
    """float32 [C, len(rows), len(columns)]: bilinear values of float [C, h, w] at these cells (fractions)."""
    x, y = np.meshgrid(np.float32(columns), np.float32(rows))
    return np.stack([cv2.remap(np.float32(one), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                     for one in maps])


def centres(count, step):
    """Places, in photo pixels from the edge, of the middles of `count` cells of `step` pixels each."""
    return (np.arange(count) + 0.5) * step


def resized(photo, width, height):
    """RGB uint8 [height, width, 3]."""
    smaller = width * height < photo.shape[0] * photo.shape[1]
    return cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
