#!/usr/bin/env python3
"""mIoU-13: score a model on labelled photographs of Clothing Co-Parsing, through the program itself.

usage: evaluate.py DATA_DIR IDS [--half choose|report] [--setting fast|fine]
       [--bodymap PROGRAM] [--model CARD]
  DATA_DIR  folder with photos/<id>.jpg, labels/<id>.png and classes.txt
  IDS       text file of ids, such as val.txt

The photographs are parsed by `bodymap parse`; truth and result are then mapped to 13 merged classes (all
skin is one, both shoes are one) and compared pixel by pixel. What the data set knows and CIHP does not, or
the other way round (suits, belts, jewellery, gloves), is left out of the truth. Prints the IoU of each
class, that of person against background, the pixel accuracy and the mean IoU. Needs numpy, Pillow and scipy.
Other measures are in the folder evaluation/.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / 'evaluation'))
sys.path.insert(0, str(Path(__file__).parent / 'training'))
import halves
import program
from measures import class_iou, confusion, person_iou

from label_codes import CCP_NAMES, CIHP, IGNORE

MERGED = ['background', 'hat', 'hair', 'sunglasses', 'upper-clothes', 'coat', 'dress', 'socks', 'pants',
          'skirt', 'scarf', 'skin', 'shoe']
SKIN = 'gloves torso-skin face left-arm right-arm left-leg right-leg'.split()


def merged_truth(class_names):
    """uint8 [256]: merged class of each Clothing Co-Parsing id, or IGNORE."""
    table = np.full(256, IGNORE, np.uint8)
    for index, name in enumerate(MERGED):
        table[[class_names.index(member) for member in CCP_NAMES[name].split()]] = index
    return table


def merged_result():
    """uint8 [20]: merged class of each CIHP id."""
    def merge(name):
        return 'skin' if name in SKIN else 'shoe' if name.endswith('-shoe') else name

    return np.array([MERGED.index(merge(name)) for name in CIHP], np.uint8)


def report(pixels):
    # A class that a small list of photographs lacks counts as 0 here, as in every score of mIoU-13.
    iou = np.nan_to_num(class_iou(pixels))
    for name, value in zip(MERGED, iou, strict=True):
        print(f'{name:14s} {100 * value:5.1f}')
    accuracy = np.diag(pixels).sum() / pixels.sum()
    print(f'person {100 * person_iou(pixels):.1f}, pixel accuracy {100 * accuracy:.1f}, '
          f'mIoU-13 {100 * iou.mean():.2f}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    program.add_options(parser)
    halves.add_option(parser)
    options = parser.parse_args()
    ids = halves.in_half(options.ids.read_text().split(), options.half)
    truth_table = merged_truth(options.data.joinpath('classes.txt').read_text().split())
    result_table = merged_result()
    photos = [options.data / 'photos' / f'{i}.jpg' for i in ids]
    pixels = np.zeros((len(MERGED), len(MERGED)), np.int64)
    with tempfile.TemporaryDirectory() as out:
        program.parse(options, photos, out, 'labels')
        for photo in photos:
            truth = truth_table[program.read_map(options.data / 'labels' / f'{photo.stem}.png')]
            # A few truths differ from their photograph by a pixel.
            result = program.read_labels(out, photo, truth.shape[::-1])
            pixels += confusion(truth, result_table[result], len(MERGED))
    report(pixels)


if __name__ == '__main__':
    main()
