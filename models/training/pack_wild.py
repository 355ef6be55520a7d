#!/usr/bin/env python3
"""Ordinary photographs and their label maps in the flat files of packing.py.

usage: pack_wild.py PHOTOS_DIR IDS OUT_DIR [--labels DIR]

DIR has <id>.png, codes of label_codes.py (or classes, 255 ignored), and <id>.people.png, at the photo's size
or half of it; a photograph without them is left out. Without DIR nobody is in any of the photographs. Photos
are found in PHOTOS_DIR and the folders in it; a photograph that never_trained.txt names is never packed.
"""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from label_codes import IGNORE, UNKNOWN_NAME
from packing import PackWriter, unit_of

NULL = 0      # the data set's name of what is nothing


def never_trained():
    """Ids of the photographs that are measured on, or are none of people."""
    lines = Path(__file__).with_name('never_trained.txt').read_text().splitlines()
    return {line for line in lines if not line.startswith('#')}


def read_map(path, size):
    """uint8 [H, W] at the photo's size (width, height)."""
    return np.asarray(Image.open(path).resize(size, Image.NEAREST))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('photos', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--labels', type=Path, help='folder of label maps; without it, photographs of nobody')
    args = parser.parse_args()
    kept = never_trained()
    photos = {path.stem: path for path in args.photos.rglob('*.*') if path.suffix in ('.jpg', '.png')}
    with PackWriter(args.out) as pack:
        for name in args.ids.read_text().split():
            if name in kept:
                continue
            if args.labels and not (args.labels / f'{name}.png').exists():
                continue
            photo = Image.open(photos[name]).convert('RGB')
            shape = photo.height, photo.width
            codes = people = np.zeros(shape, np.uint8)
            names, worn = np.full(shape, NULL, np.uint8), [NULL]
            if args.labels:
                codes, people = (read_map(args.labels / f'{name}{kind}.png', photo.size)
                                 for kind in ('', '.people'))
                names, worn = np.full(shape, UNKNOWN_NAME, np.uint8), None
                if (codes == IGNORE).all():
                    continue
            pack.add(name, photo, codes, names, people, worn, unit=unit_of(*photo.size))


if __name__ == '__main__':
    main()
