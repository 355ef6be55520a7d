"""Photos and training label maps written to flat files that several training processes can map into memory.

index.json  one entry a photo: id; per level (1, 1/2, 1/4 size) height, width, byte offset; pixels of each
            code; `worn`: which of the data set's names (ids) are worn in it, or null if nobody knows;
            `torso`: left and right shoulder and hip (x, y in photo pixels), or null;
            `unit`: how many times larger the photo should be for its people to be as large as the data set's
photos.u8   RGB [H, W, 3] of every level, one after the other
maps.u8     code, data set's name (id) and person [H, W, 3] at full size, one after the other; persons from 1
            on, 0 for nobody, UNKNOWN_PERSON where it cannot be told
"""
import json

import numpy as np

from label_codes import CLASS, CODES, IGNORE

LEVELS = (1, 2, 4)
UNKNOWN_PERSON = 255
# The program looks at photos with this shorter side; those of the data set have SHORTER_SIDE.
SHORT_PASS, SHORTER_SIDE = 384, 550


def single_person(codes):
    """uint8 [H, W]: 1 where somebody is, if it is one person."""
    return ((codes != CLASS['background']) & (codes != IGNORE)).astype(np.uint8)


def unit_of(width, height):
    """How many times larger a photo of this size should be to be as large as the data set's."""
    return SHORTER_SIDE / min(width, height)


class PackWriter:
    """with PackWriter(folder) as pack: pack.add(...)"""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.index = folder, []

    def __enter__(self):
        self.photos = open(self.folder / 'photos.u8', 'wb')
        self.maps = open(self.folder / 'maps.u8', 'wb')
        return self

    def __exit__(self, *error):
        self.photos.close()
        self.maps.close()
        self.folder.joinpath('index.json').write_text(json.dumps(self.index))

    def add(self, name, photo, codes, names, people, worn=None, torso=None, unit=1.0):
        """PIL photo; uint8 [H, W] codes, names and people."""
        entry = {'id': name, 'levels': [], 'maps': self.maps.tell(), 'worn': worn, 'torso': torso,
                 'unit': unit, 'counts': np.bincount(codes.ravel(), minlength=256)[:CODES].tolist()}
        for level in LEVELS:
            pixels = np.asarray(photo if level == 1 else photo.reduce(level))
            entry['levels'].append([*pixels.shape[:2], self.photos.tell()])
            self.photos.write(pixels.tobytes())
        self.maps.write(np.stack([codes, names, people], 2).tobytes())
        self.index.append(entry)
