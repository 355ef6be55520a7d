#!/usr/bin/env python3
"""20-class IoU and person ids on the sample photographs and their collage, against hand-drawn truth.

usage: truth.py [--setting fast|fine] [--bodymap PROGRAM] [--model CARD] [--picture FILE]

The truth is in tests/truth; the collage is made on the way. The mean IoU of a photograph is over the classes
that it has; "all photographs" adds up the pixels of the five, each weighted to one megapixel. The picture has
each photograph, its truth and what was found, side by side.
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

from contact_sheet import overlay

HEIGHT = 230     # of a photograph in the picture
COLUMNS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    program.add_options(parser)
    parser.add_argument('--picture', type=Path)
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
        tiles = []
        total, limbs = np.zeros((20, 20)), np.zeros((3, 3), np.int64)
        for stem, (labels, people) in truths.items():
            result = program.read_labels(out, stem)
            if options.picture:
                tiles.append(triple(Image.open(photos[stem]).convert('RGB'), labels, result))
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
    if options.picture:
        save_picture(tiles, options.picture)
    print('\nall photographs')
    program.print_classes(total)
    program.print_sides(limbs)
    print('\ncollage')
    program.print_classes(collage_pixels)


def triple(photo, truth, result):
    """The photograph, its truth and the result over it, side by side."""
    true, found = (overlay(photo, Image.fromarray(labels.astype(np.uint8)), HEIGHT)
                   for labels in (truth, result))
    return np.concatenate([true, found[:, found.shape[1] // 2:]], 1)


def save_picture(tiles, path):
    rows = [np.concatenate(tiles[i:i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)]
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Image.fromarray(np.concatenate(rows)).save(path, quality=85)


if __name__ == '__main__':
    main()
