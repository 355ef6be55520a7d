#!/usr/bin/env python3
"""20-class IoU, people and sides on ordinary photographs with label maps drawn by hand.

usage: wild.py TRUTH_DIR PHOTOS_DIR [--half choose|report] [--setting fast|fine]
       [--bodymap PROGRAM] [--model CARD]
  TRUTH_DIR   <id>.png of CIHP classes and <id>.people.png of person ids, 255 ignored in both
  PHOTOS_DIR  folder with <id>.jpg

Prints the IoU of each class and of person against background, how many people of 2 % of the photo and more
are found, and the sides of limbs and shoes.
"""
import argparse
import tempfile
from pathlib import Path

import halves
import numpy as np
import program
from measures import UNKNOWN, confusion, found_people, sides


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('truth', type=Path)
    parser.add_argument('photos', type=Path)
    program.add_options(parser)
    halves.add_option(parser)
    options = parser.parse_args()
    people_end = '.people'
    names = sorted(path.stem for path in options.truth.glob('*.png') if not path.stem.endswith(people_end))
    photos = [options.photos / f'{name}.jpg' for name in halves.in_half(names, options.half)]
    pixels, limbs, counts = np.zeros((20, 20), np.int64), np.zeros((3, 3), np.int64), np.zeros(2, int)
    with tempfile.TemporaryDirectory() as out:
        program.parse(options, photos, out, 'labels', 'people')
        for photo in photos:
            truth = program.read_map(options.truth / f'{photo.stem}.png')
            result = program.read_labels(out, photo, truth.shape[::-1])
            pixels += confusion(truth, result)
            limbs += sides(truth, result)
            people = program.read_map(options.truth / f'{photo.stem}{people_end}.png').copy()
            people[truth >= len(pixels)] = UNKNOWN
            counts += found_people(people, program.read_people(out, photo, truth.shape[::-1]))
    program.print_classes(pixels)
    program.print_sides(limbs)
    print(f'{len(photos)} photographs, people found: {counts[0]} of {counts[1]}, {program.percent(*counts)}')


if __name__ == '__main__':
    main()
