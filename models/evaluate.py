#!/usr/bin/env python3
"""Score a model on labelled photographs of Clothing Co-Parsing, through the program itself.

usage: evaluate.py DATA_DIR IDS [--bodymap PROGRAM] [--model CARD]
  DATA_DIR  folder with photos/<id>.jpg, labels/<id>.png and classes.txt
  IDS       text file of ids, such as val.txt

The photographs are parsed by `bodymap parse`; truth and result are then mapped to 13 merged classes (all
skin is one, both shoes are one) and compared pixel by pixel. What the data set knows and CIHP does not, or
the other way round (suits, belts, jewellery, gloves), is left out of the truth. Prints the IoU of each
class, that of person against background, the pixel accuracy and the mean IoU. Needs numpy and Pillow.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / 'training'))
from label_codes import CCP_NAMES, CIHP

MERGED = ['background', 'hat', 'hair', 'sunglasses', 'upper-clothes', 'coat', 'dress', 'socks', 'pants',
          'skirt', 'scarf', 'skin', 'shoe']
SKIN = 'gloves torso-skin face left-arm right-arm left-leg right-leg'.split()
IGNORED = 255


def merged_truth(class_names):
    """uint8 [256]: merged class of each Clothing Co-Parsing id, or IGNORED."""
    table = np.full(256, IGNORED, np.uint8)
    for index, name in enumerate(MERGED):
        table[[class_names.index(member) for member in CCP_NAMES[name].split()]] = index
    return table


def merged_result():
    """uint8 [20]: merged class of each CIHP id."""
    def merge(name):
        return 'skin' if name in SKIN else 'shoe' if name.endswith('-shoe') else name

    return np.array([MERGED.index(merge(name)) for name in CIHP], np.uint8)


def confusion(truth, result):
    """int64 [13, 13]: pixels by merged class, truth in rows; `truth` may hold IGNORED."""
    known = truth != IGNORED
    pairs = truth[known].astype(np.int64) * len(MERGED) + result[known]
    return np.bincount(pairs, minlength=len(MERGED) ** 2).reshape(len(MERGED), len(MERGED))


def report(pixels):
    hit = np.diag(pixels)
    iou = hit / np.maximum(pixels.sum(0) + pixels.sum(1) - hit, 1)
    for name, value in zip(MERGED, iou, strict=True):
        print(f'{name:14s} {100 * value:5.1f}')
    person = pixels[1:, 1:].sum() / (pixels.sum() - pixels[0, 0])
    accuracy = hit.sum() / pixels.sum()
    print(f'person {100 * person:.1f}, pixel accuracy {100 * accuracy:.1f}, mIoU-13 {100 * iou.mean():.2f}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('--bodymap', default='bodymap')
    parser.add_argument('--model')
    arguments = parser.parse_args()
    ids = arguments.ids.read_text().split()
    truth_table = merged_truth(arguments.data.joinpath('classes.txt').read_text().split())
    result_table = merged_result()
    with tempfile.TemporaryDirectory() as out:
        photos = [arguments.data / 'photos' / f'{i}.jpg' for i in ids]
        model = ['--model', arguments.model] if arguments.model else []
        subprocess.run([arguments.bodymap, 'parse', *photos, '--out', out, '--formats', 'labels', *model],
                       check=True)
        pixels = np.zeros((len(MERGED), len(MERGED)), np.int64)
        for i in ids:
            truth = truth_table[np.asarray(Image.open(arguments.data / 'labels' / f'{i}.png'))]
            result = Image.open(Path(out) / f'{i}.png')
            # A few truths differ from their photograph by a pixel.
            result = np.asarray(result.resize(truth.shape[::-1], Image.Resampling.NEAREST))
            pixels += confusion(truth, result_table[result])
    report(pixels)


if __name__ == '__main__':
    main()
