#!/usr/bin/env python3
"""A sheet of photographs with their label maps laid over, to look at.

usage: contact_sheet.py OUT.png HEIGHT COLUMNS PHOTO=LABELS...

LABELS are 8-bit maps of CIHP classes or of training codes: sets are drawn grey, ignored pixels white.
"""
import sys

import numpy as np
from PIL import Image

PALETTE = np.full((256, 3), 150, np.uint8)
PALETTE[:20] = [(0, 0, 0), (128, 0, 0), (255, 0, 0), (0, 85, 0), (170, 0, 51), (255, 85, 0), (0, 0, 85),
                (0, 119, 221), (85, 85, 0), (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 255),
                (51, 170, 221), (0, 255, 255), (85, 255, 170), (170, 255, 85), (255, 255, 0), (255, 170, 0)]
PALETTE[255] = 255


def overlay(photo, labels, height):
    """Photo and overlay side by side, `height` pixels high."""
    size = (max(1, round(photo.width * height / photo.height)), height)
    plain = np.asarray(photo.resize(size, Image.BILINEAR), np.float32)
    codes = np.asarray(labels.resize(size, Image.NEAREST))
    mixed = np.where((codes == 0)[..., None], 0.8 * plain, 0.3 * plain + 0.7 * PALETTE[codes])
    return np.concatenate([plain, mixed], 1).astype(np.uint8)


def main():
    out, height, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tiles = []
    for pair in sys.argv[4:]:
        photo, labels = pair.split('=')
        tiles.append(overlay(Image.open(photo).convert('RGB'), Image.open(labels), height))
    width = max(t.shape[1] for t in tiles)
    tiles = [np.pad(t, ((0, 0), (0, width - t.shape[1]), (0, 0))) for t in tiles]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i:i + columns], 1) for i in range(0, len(tiles), columns)]
    Image.fromarray(np.concatenate(rows)).save(out)


if __name__ == '__main__':
    main()
