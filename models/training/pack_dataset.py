#!/usr/bin/env python3
"""Photos and training label maps in flat files, from Clothing Co-Parsing.

usage: pack_dataset.py DATA_DIR IDS TEACHER_DIR LABELS_DIR OUT_DIR

OUT_DIR is as packing.py has it. The names are those of the data set's label map, or follow from the tags of a
photograph that has none.
"""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from body_parts import HIP, SHOULDER, Body
from checked_sides import without_untold
from label_codes import IGNORE, UNKNOWN_NAME, name_of_codes, read_tags
from packing import PackWriter, single_person
from prepare_labels import landmarks_fit

MIN_WORN_PIXELS = 60


def names_and_tags(data, name, codes, class_names, tags):
    """uint8 [H, W] names of the pixels with these codes, and the list of names that are worn."""
    labelled = data / 'labels' / f'{name}.png'
    if not labelled.exists():
        return name_of_codes(class_names, tags[name])[codes], tags[name]
    labels = Image.open(labelled)
    if labels.size != codes.shape[::-1]:     # a few differ from their photo by a pixel
        labels = labels.resize(codes.shape[::-1], Image.NEAREST)
    names = np.array(labels)
    worn = np.flatnonzero(np.bincount(names.ravel()) >= MIN_WORN_PIXELS).tolist()
    names[(names == class_names.index('null')) & (codes == IGNORE)] = UNKNOWN_NAME     # bystanders
    return names, worn


def torso(path, codes):
    """Left and right shoulder, left and right hip, or None."""
    teacher = np.load(path)
    body = Body(teacher['body'], teacher['face'])
    if body.usable() and landmarks_fit(body, codes):
        return body.at[[*SHOULDER, *HIP]].round(1).tolist()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('teacher', type=Path)
    parser.add_argument('labels', type=Path)
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    class_names = args.data.joinpath('classes.txt').read_text().split()
    tags = read_tags(args.data)
    with PackWriter(args.out) as pack:
        for name in args.ids.read_text().split():
            labels = args.labels / f'{name}.png'
            if not labels.exists():
                continue
            photo = Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB')
            codes = without_untold(np.asarray(Image.open(labels)), name)
            if (codes == IGNORE).all():
                continue
            names, worn = names_and_tags(args.data, name, codes, class_names, tags)
            pack.add(name, photo, codes, names, single_person(codes), worn,
                     torso(args.teacher / f'{name}.npz', codes))


if __name__ == '__main__':
    main()
