#!/usr/bin/env python3
"""20-class IoU and left/right against labels that the training recipe made for photographs not trained on.

usage: parts.py DATA_DIR IDS LABELS_DIR [--half choose|report] [--setting fast|fine]
       [--bodymap PROGRAM] [--model CARD]
  DATA_DIR    folder with photos/<id>.jpg
  LABELS_DIR  <id>.png from training/prepare_labels.py; pixels of uncertain class are left out

The labels share the mistakes of the teacher that split them, but for those named in checked_sides.py.
"""
import argparse
import tempfile
from pathlib import Path

import halves
import numpy as np
import program
from measures import confusion, sides

from checked_sides import untold
from label_codes import IGNORE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('labels', type=Path)
    program.add_options(parser)
    halves.add_option(parser)
    options = parser.parse_args()
    ids = halves.in_half(options.ids.read_text().split(), options.half)
    photos = [options.data / 'photos' / f'{i}.jpg' for i in ids]
    pixels, limbs = np.zeros((20, 20), np.int64), np.zeros((3, 3), np.int64)
    with tempfile.TemporaryDirectory() as out:
        program.parse(options, photos, out, 'labels')
        for photo in photos:
            truth = program.read_map(options.labels / f'{photo.stem}.png').copy()
            truth[untold(truth, photo.stem)] = IGNORE
            result = program.read_labels(out, photo, truth.shape[::-1])
            pixels += confusion(truth, result)
            limbs += sides(truth, result)
    program.print_classes(pixels)
    program.print_sides(limbs)


if __name__ == '__main__':
    main()
