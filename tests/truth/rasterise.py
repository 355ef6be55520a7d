#!/usr/bin/env python3
"""Draws hand-made polygons as label map and people map.

usage: rasterise.py OUT_DIR [POLYGONS.json...]     all of polygons/ if none are named

Writes OUT_DIR/<photo>.png (indexed, pixel = CIHP class 0..19, 255 = ignore) and OUT_DIR/<photo>.people.png
(8-bit, 0 = no person). Both have the photo's size. Needs numpy and Pillow.
"""
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / 'models' / 'training'))
from contact_sheet import PALETTE
from label_codes import CLASS, IGNORE

HERE = Path(__file__).parent
PHOTOS = HERE.parents[1] / 'www' / 'samples'


def inside(polygon, width, height):
    """bool [height, width]: pixels whose centre is in the polygon [N, 2] (even-odd rule)."""
    x0, y0 = polygon.T
    x1, y1 = np.roll(polygon, -1, 0).T
    mask = np.zeros((height, width), bool)
    centres = np.arange(width) + 0.5
    for row in range(max(int(y0.min()), 0), min(int(y0.max()) + 1, height)):
        y = row + 0.5
        crossed = (y0 <= y) != (y1 <= y)
        if crossed.any():
            x = x0[crossed] + (y - y0[crossed]) * (x1 - x0)[crossed] / (y1 - y0)[crossed]
            mask[row] = np.searchsorted(np.sort(x), centres) % 2 == 1
    return mask


def draw(truth):
    """(labels, people), uint8 [H, W] each, from the content of one polygons file."""
    width, height = truth['width'], truth['height']
    labels, people = np.zeros((2, height, width), np.uint8)
    for polygon in truth['polygons']:
        mask = inside(np.array(polygon['points'], float), width, height)
        labels[mask] = IGNORE if polygon['class'] == 'ignore' else CLASS[polygon['class']]
        people[mask] = polygon['person']
    return labels, people


def photo_of(truth):
    """The photo, RGB, after a look whether it is the one that was labelled."""
    path = PHOTOS / truth['photo']
    if hashlib.sha256(path.read_bytes()).hexdigest() != truth['sha256']:
        sys.exit(f'{path} is not the photograph that was labelled')
    return Image.open(path).convert('RGB')


def all_truths():
    """{stem of the photo: content of its file}, in the order of names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((HERE / 'polygons').glob('*.json'))}


def write(labels, people, out, stem):
    picture = Image.fromarray(labels)
    picture.putpalette(PALETTE.tobytes())
    picture.save(out / f'{stem}.png')
    Image.fromarray(people).save(out / f'{stem}.people.png')


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    named = {Path(p).stem: json.loads(Path(p).read_text()) for p in sys.argv[2:]}
    for stem, truth in (named or all_truths()).items():
        write(*draw(truth), out, stem)


if __name__ == '__main__':
    main()
