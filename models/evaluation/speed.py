#!/usr/bin/env python3
"""CPU seconds a photo of 720x1280: a run over many photos against a run over one, so that loading drops out.

usage: speed.py DATA_DIR IDS [--photos 9] [--repeats 3] [--setting fast|fine] [--bodymap PROGRAM]
  DATA_DIR  folder with photos/<id>.jpg; the first photos of IDS are enlarged and cropped to 720x1280 (JPEG)

User and system time of the program in all its threads, from decoding the JPEG to writing the label map.
A photo's time is (time of N photos - time of 1 photo) / (N - 1), with the least time of the repeats for each.
"""
import argparse
import resource
import tempfile
import time
from pathlib import Path

import program
from PIL import Image, ImageOps

SIZE = 720, 1280


def measured(options, photos, out):
    """(CPU seconds, seconds by the clock) of one run."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    program.parse(options, photos, out, 'labels')
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, end - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('--photos', type=int, default=9)
    parser.add_argument('--repeats', type=int, default=3)
    program.add_options(parser)
    options = parser.parse_args()
    names = options.ids.read_text().split()[:options.photos]
    with tempfile.TemporaryDirectory() as folder:
        photos = [Path(folder) / f'{name}.jpg' for name in names]
        for photo in photos:
            source = Image.open(options.data / 'photos' / photo.name).convert('RGB')
            ImageOps.fit(source, SIZE, Image.Resampling.BICUBIC).save(photo, quality=90)
        out = Path(folder) / 'out'
        one = [measured(options, photos[:1], out) for _ in range(options.repeats)]
        many = [measured(options, photos, out) for _ in range(options.repeats)]
    (cpu_one, clock_one), (cpu_many, clock_many) = ([min(times) for times in zip(*runs, strict=True)]
                                                    for runs in (one, many))
    more = len(photos) - 1
    print(f'{(cpu_many - cpu_one) / more:.3f} CPU-s a photo '
          f'({(clock_many - clock_one) / more:.3f} s by the clock), '
          f'{cpu_one:.2f} CPU-s ({clock_one:.2f} s) for a run of one photo')


if __name__ == '__main__':
    main()
