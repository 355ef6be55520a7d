#!/usr/bin/env python3
"""Four people of the sample photographs in one picture, with label map and people map.

usage: make_collage.py OUT_DIR

Writes collage.jpg, collage.png (indexed, pixel = CIHP class 0..19, 255 = ignore) and collage.people.png
(8-bit, 0 = no person). The people are cut out by their polygons and hide one another; the backdrop goes from
plain to busy and consists of the backgrounds of the same photographs. Only public-domain and CC0 photographs
are used. Needs numpy and Pillow.
"""
import sys
from pathlib import Path

import numpy as np
import rasterise
from PIL import Image, ImageFilter

SIZE = 980, 800
# Photo, scale, left edge; from the farthest to the nearest. All end at the collage's lower edge.
PEOPLE = (('facerec_biden', 0.35, 642), ('skimage_camera', 1.0, 0), ('mpl_grace_hopper', 0.8, 205),
          ('skimage_astronaut', 0.95, 440))
# Photo and box x0, y0, x1, y1 of a part without people; from left to right, mirrored downwards.
BACKDROP = (('mpl_grace_hopper', (385, 0, 512, 330)), ('skimage_astronaut', (345, 0, 500, 270)),
            ('facerec_biden', (0, 0, 360, 520)), ('mpl_grace_hopper', (0, 0, 145, 330)))
FADE = 40     # px over which two parts of the backdrop mix


def backdrop(photos):
    """float [H, W, 3]."""
    width, height = SIZE
    step = width / len(BACKDROP)
    picture, weight = np.zeros((height, width, 3)), np.zeros((height, width, 1))
    for i, (name, box) in enumerate(BACKDROP):
        part = photos[name].crop(box)
        part_width = round(step) + 2 * FADE
        size = part_width, round(part.height * part_width / part.width)
        part = np.asarray(part.resize(size, Image.Resampling.BICUBIC), float)
        part = np.pad(part, ((0, max(0, height - len(part))), (0, 0), (0, 0)), 'reflect')
        left = round(i * step) - FADE
        columns = np.arange(max(left, 0), min(left + part_width, width))
        inside = np.minimum(columns - left, left + part_width - 1 - columns)
        opacity = np.clip((inside + 1) / (2 * FADE), 0, 1)[None, :, None]
        picture[:, columns] += opacity * part[:height, columns - left]
        weight[:, columns] += opacity
    return picture / weight


def compose():
    """(photo [H, W, 3], labels [H, W], people [H, W]), uint8; people are numbered from the farthest."""
    truths = rasterise.all_truths()
    photos = {name: rasterise.photo_of(truths[name]) for name, _, _ in PEOPLE}
    picture = backdrop(photos)
    labels, people = np.zeros((2, *picture.shape[:2]), np.uint8)
    for person, (name, scale, left) in enumerate(PEOPLE, 1):
        size = round(photos[name].width * scale), round(photos[name].height * scale)
        drawn_labels, drawn_people = (Image.fromarray(m) for m in rasterise.draw(truths[name]))
        mask = drawn_people.point(lambda value: 255 * (value > 0)).resize(size, Image.Resampling.BOX)
        opacity = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.6)), float)[..., None] / 255
        colour = np.asarray(photos[name].resize(size, Image.Resampling.LANCZOS), float)
        classes = np.asarray(drawn_labels.resize(size, Image.Resampling.NEAREST))
        here = np.asarray(drawn_people.resize(size, Image.Resampling.NEAREST)) > 0
        top, right = SIZE[1] - size[1], min(left + size[0], SIZE[0])
        window, seen = np.s_[top:, left:right], np.s_[:, :right - left]
        picture[window] += opacity[seen] * (colour[seen] - picture[window])
        labels[window][here[seen]] = classes[seen][here[seen]]
        people[window][here[seen]] = person
    return picture.round().astype(np.uint8), labels, people


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    picture, labels, people = compose()
    Image.fromarray(picture).save(out / 'collage.jpg', quality=92)
    rasterise.write(labels, people, out, 'collage')


if __name__ == '__main__':
    main()
