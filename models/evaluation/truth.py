#!/usr/bin/env python3
"""20-class IoU and person ids on the sample photographs and their collage, against hand-drawn truth.

usage: truth.py [--setting fast|fine] [--bodymap PROGRAM] [--model CARD]

The truth is in tests/truth; the collage is made on the way. The mean IoU of a photograph is over the classes
that it has; "all photographs" adds up the pixels of the five, each weighted to one megapixel.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import program
from measures import class_iou, confusion, person_iou, person_pixels, sides
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / 'tests' / 'truth'))
import make_collage
import rasterise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    program.add_options(parser)
    options = parser.parse_args()
    photos, truths = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for stem, truth in rasterise.all_truths().items():
            rasterise.photo_of(truth)
            photos[stem], truths[stem] = rasterise.PHOTOS / truth['photo'], rasterise.draw(truth)
        photos['collage'] = Path(folder) / 'collage.png'
        collage, *truths['collage'] = make_collage.compose()
        Image.fromarray(collage).save(photos['collage'])
        out = Path(folder) / 'out'
        program.parse(options, photos.values(), out, 'labels', 'people')
        total, limbs = np.zeros((20, 20)), np.zeros((3, 3), np.int64)
        for stem, (labels, people) in truths.items():
            result = program.read_labels(out, stem)
            pixels = confusion(labels, result)
            right, another, missed = person_pixels(people, program.read_people(out, stem))
            print(f'{stem:18s} mean IoU {100 * np.nanmean(class_iou(pixels)):5.1f}, '
                  f'person IoU {100 * person_iou(pixels):5.1f}, '
                  f'person ids right {program.percent(right, right + another + missed)}')
            if stem != 'collage':
                total += pixels * 1e6 / pixels.sum()
                limbs += sides(labels, result)
            else:
                collage_pixels = pixels
    print('\nall photographs')
    program.print_classes(total)
    program.print_sides(limbs)
    print('\ncollage')
    program.print_classes(collage_pixels)


if __name__ == '__main__':
    main()
