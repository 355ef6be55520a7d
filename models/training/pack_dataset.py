#!/usr/bin/env python3
"""Photos and training label maps in flat files that several training processes can map into memory.

usage: pack_dataset.py DATA_DIR IDS LABELS_DIR OUT_DIR

OUT_DIR/index.json  one entry a photo: id, and per level (1, 1/2, 1/4 size) height, width, byte offset
OUT_DIR/photos.u8   RGB [H, W, 3] of every level, one after the other
OUT_DIR/codes.u8    codes [H, W] at full size, one after the other
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from label_codes import CODES, IGNORE

LEVELS = (1, 2, 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('labels', type=Path)
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    index, photo_offset, code_offset = [], 0, 0
    with open(args.out / 'photos.u8', 'wb') as photos, open(args.out / 'codes.u8', 'wb') as maps:
        for name in args.ids.read_text().split():
            photo = Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB')
            codes = np.asarray(Image.open(args.labels / f'{name}.png'))
            if (codes == IGNORE).all():
                continue
            entry = {'id': name, 'levels': [], 'codes': code_offset,
                     'counts': np.bincount(codes.ravel(), minlength=256)[:CODES].tolist()}
            for level in LEVELS:
                pixels = np.asarray(photo if level == 1 else photo.reduce(level))
                entry['levels'].append([*pixels.shape[:2], photo_offset])
                photos.write(pixels.tobytes())
                photo_offset += pixels.size
            maps.write(codes.tobytes())
            code_offset += codes.size
            index.append(entry)
    (args.out / 'index.json').write_text(json.dumps(index))


if __name__ == '__main__':
    main()
