#!/usr/bin/env python3
"""Photos and training label maps in flat files that several training processes can map into memory.

usage: pack_dataset.py DATA_DIR IDS TEACHER_DIR LABELS_DIR OUT_DIR

OUT_DIR/index.json  one entry a photo: id, per level (1, 1/2, 1/4 size) height, width, byte offset, pixels of
                    each code, which of the data set's names (ids) are worn in it, and the teacher's left and
                    right shoulder and hip (x, y in photo pixels) where they can be trusted
OUT_DIR/photos.u8   RGB [H, W, 3] of every level, one after the other
OUT_DIR/maps.u8     code and data set's name (id) [H, W, 2] at full size, one after the other

The names are those of the data set's label map, or follow from the tags of a photograph that has none.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from body_parts import HIP, SHOULDER, Body
from checked_sides import without_untold
from label_codes import CODES, IGNORE, UNKNOWN_NAME, name_of_codes, read_tags
from prepare_labels import landmarks_fit

LEVELS = (1, 2, 4)
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
    args.out.mkdir(parents=True, exist_ok=True)
    class_names = args.data.joinpath('classes.txt').read_text().split()
    tags = read_tags(args.data)
    index, photo_offset, map_offset = [], 0, 0
    with open(args.out / 'photos.u8', 'wb') as photos, open(args.out / 'maps.u8', 'wb') as maps:
        for name in args.ids.read_text().split():
            photo = Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB')
            codes = without_untold(np.asarray(Image.open(args.labels / f'{name}.png')), name)
            if (codes == IGNORE).all():
                continue
            names, worn = names_and_tags(args.data, name, codes, class_names, tags)
            entry = {'id': name, 'levels': [], 'maps': map_offset, 'worn': worn,
                     'torso': torso(args.teacher / f'{name}.npz', codes),
                     'counts': np.bincount(codes.ravel(), minlength=256)[:CODES].tolist()}
            for level in LEVELS:
                pixels = np.asarray(photo if level == 1 else photo.reduce(level))
                entry['levels'].append([*pixels.shape[:2], photo_offset])
                photos.write(pixels.tobytes())
                photo_offset += pixels.size
            both = np.stack([codes, names], 2)
            maps.write(both.tobytes())
            map_offset += both.size
            index.append(entry)
    (args.out / 'index.json').write_text(json.dumps(index))


if __name__ == '__main__':
    main()
