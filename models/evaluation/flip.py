#!/usr/bin/env python3
"""Flip test: does the mirrored photo, mirrored back with left and right swapped, get the same classes?

usage: flip.py DATA_DIR IDS [--half choose|report] [--setting fast|fine]
       [--bodymap PROGRAM] [--model CARD]
  DATA_DIR  folder with photos/<id>.jpg

Both versions are parsed from PNG. Prints the share of pixels of the same class among those that are person in
either version.
"""
import argparse
import tempfile
from pathlib import Path

import halves
import numpy as np
import program
from measures import agreement, unmirrored
from PIL import Image, ImageOps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    program.add_options(parser)
    halves.add_option(parser)
    options = parser.parse_args()
    names = halves.in_half(options.ids.read_text().split(), options.half)
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = []
        for name in names:
            photo = Image.open(options.data / 'photos' / f'{name}.jpg').convert('RGB')
            pairs.append([Path(folder) / f'{name}{version}.png' for version in ('', '-mirrored')])
            photo.save(pairs[-1][0], compress_level=1)
            ImageOps.mirror(photo).save(pairs[-1][1], compress_level=1)
        out = Path(folder) / 'out'
        program.parse(options, [photo for pair in pairs for photo in pair], out, 'labels')
        for plain, mirrored in pairs:
            counts.append(agreement(program.read_labels(out, plain),
                                    unmirrored(program.read_labels(out, mirrored))))
    same, person = np.array(counts).T
    worst = int((same / np.maximum(person, 1)).argmin())
    print(f'flip test: {program.percent(same.sum(), person.sum())} of {person.sum()} person pixels agree; '
          f'worst photo {names[worst]}: {program.percent(same[worst], person[worst])}')


if __name__ == '__main__':
    main()
