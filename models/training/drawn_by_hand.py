"""Garments, and what is carried, that were drawn by hand on photographs that have tags only.

drawn.json  class or "carried" -> photograph -> outlines, each [x, y, x, y, ...] in photo pixels; empty if it
            is out of sight; null if it could not be told from the rest: the photograph is left out then

The outlines are a few pixels off: what lies near them goes to the side whose colours it has (GrabCut, Rother,
Kolmogorov, Blake, SIGGRAPH 2004).
"""
import json
from pathlib import Path

import cv2
import numpy as np

from label_codes import CLASS, IGNORE

# Bags and the like, which are background.
CARRIED = 'carried'

OUTLINES = Path(__file__).with_name('drawn.json')
# What is so many pixels inside an outline is the garment, what is so far outside is not.
CERTAIN_INSIDE, CERTAIN_OUTSIDE = 4, 9
# Around the garment, whose colours tell it from what it lies on.
SURROUNDINGS, ROUNDS = 40, 3
MIN_CERTAIN = 50


def disk(radius):
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def garment(photo, lines):
    """bool [H, W] of RGB uint8 [H, W, 3] and the outlines of a garment, of which there may be none."""
    within = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(within, [line.astype(np.int32) for line in lines], 1)
    certain = cv2.erode(within, disk(CERTAIN_INSIDE))
    if certain.sum() < MIN_CERTAIN:
        return within > 0
    state = np.where(within, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[certain > 0] = cv2.GC_FGD
    state[cv2.dilate(within, disk(CERTAIN_OUTSIDE)) == 0] = cv2.GC_BGD
    x, y, width, height = cv2.boundingRect(within)
    window = np.s_[max(y - SURROUNDINGS, 0):y + height + SURROUNDINGS,
                   max(x - SURROUNDINGS, 0):x + width + SURROUNDINGS]
    cut = state[window].copy()
    cv2.setRNGSeed(1)
    cv2.grabCut(np.ascontiguousarray(photo[window]), cut, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS,
                cv2.GC_INIT_WITH_MASK)
    found = np.zeros_like(within)
    found[window] = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    return cv2.medianBlur(found, 5) > 0


class Drawn:
    """What was drawn on a photograph: outlines, int [n, 2], by class, or None where it could not be told."""

    def __init__(self, photo_id):
        drawn = json.loads(OUTLINES.read_text())
        self.lines = {name: photos[photo_id] and [np.reshape(line, (-1, 2)) for line in photos[photo_id]]
                      for name, photos in drawn.items() if photo_id in photos}

    def classes(self):
        """Indices of the classes that are nowhere but where they were drawn."""
        return [CLASS[name] for name in self.lines if name != CARRIED]

    def put(self, photo, codes):
        """The codes with what was drawn in place of what the network found there."""
        if None in self.lines.values():
            return np.full_like(codes, IGNORE)
        for name, lines in self.lines.items():
            codes[garment(photo, lines)] = CLASS.get(name, CLASS['background'])
        return codes
