#!/usr/bin/env python3
"""Person ids and left/right on the scenes of several people that multi_person_scenes.py makes.

usage: scenes.py SCENES_DIR [--setting fast|fine] [--bodymap PROGRAM] [--model CARD]
  SCENES_DIR  folder with photos/NN.jpg, labels/NN.png, people/NN.png

Person-id accuracy: of all true person pixels, the share whose found person is the one paired with the true
person (one to one, by most common pixels). Left/right: of the true limb pixels found as that kind of limb.
"""
import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import program
from measures import confusion, person_pixels, sides


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('scenes', type=Path)
    parser.add_argument('--worst', type=int, default=0, metavar='N', help='names the N worst scenes')
    program.add_options(parser)
    options = parser.parse_args()
    photos = sorted((options.scenes / 'photos').iterdir())
    pixels, limbs = np.zeros((20, 20), np.int64), np.zeros((3, 3), np.int64)
    by_count, by_scene = defaultdict(lambda: np.zeros(3, np.int64)), {}
    with tempfile.TemporaryDirectory() as out:
        program.parse(options, photos, out, 'labels', 'people')
        for photo in photos:
            truth = program.read_map(options.scenes / 'labels' / f'{photo.stem}.png')
            people = program.read_map(options.scenes / 'people' / f'{photo.stem}.png')
            result = program.read_labels(out, photo)
            counts = np.array(person_pixels(people, program.read_people(out, photo)))
            by_count[int(people.max())] += counts
            by_scene[photo.stem] = counts[0] / counts.sum()
            pixels += confusion(truth, result)
            limbs += sides(truth, result)
    program.print_classes(pixels)
    program.print_sides(limbs)
    for count in sorted(by_count):
        print_people(f'{count} people', by_count[count])
    print_people('all', sum(by_count.values()))
    print(f'mean over scenes {100 * np.mean(list(by_scene.values())):.2f} %')
    for name in sorted(by_scene, key=by_scene.get)[:options.worst]:
        print(f'scene {name}: {100 * by_scene[name]:.1f} %')


def print_people(name, counts):
    right, another, missed = (program.percent(n, counts.sum()) for n in counts)
    print(f'person ids, {name}: right {right}, another person {another}, no person {missed}')


if __name__ == '__main__':
    main()
