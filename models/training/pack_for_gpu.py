#!/usr/bin/env python3
"""All that a training run needs, in a few files for a machine without network, and back again.

usage: pack_for_gpu.py pack OUT_DIR NAME=PACKED_DIR... [--start CHECKPOINT] [--file PATH]...
                       [--wild TRUTH_DIR PHOTOS_DIR] [--street DATA_DIR IDS]
       pack_for_gpu.py unpack IN_DIR OUT_DIR

OUT_DIR gets zip files of at most LARGEST bytes each: the photographs of packed folders (packing.py) as JPEG
at SCALE of their size, their codes, names and people as the channels of a PNG at half size, the
checkpoint's weights in half precision, other files as they are, and the photographs to choose by with their
truths. Unpacking gives OUT_DIR/packed/NAME as train.py wants them, OUT_DIR/start.pt, OUT_DIR/files/..., and
OUT_DIR/choose/wild and .../street for score_checkpoint.py. numpy, Pillow and torch are enough.
"""
import argparse
import io
import json
import multiprocessing
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from packing import PackWriter

sys.path.insert(0, str(Path(__file__).parents[1] / 'evaluation'))
import halves

LARGEST = 45_000_000
# Figures are seen at 0.4 to 0.8 of the data set's size.
SCALE, QUALITY = 0.8, 88
ABOUT = ('id', 'worn', 'torso', 'unit')


class Parts:
    """Zip files that begin anew when they are full."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob('part-*.zip'):
            old.unlink()
        self.folder, self.number, self.archive, self.bytes = folder, 0, None, 0

    def add(self, name, content):
        size = len(content) + 2 * len(name) + 200
        if self.archive is None or self.bytes + size > LARGEST:
            self.close()
            self.archive, self.bytes = zipfile.ZipFile(self.folder / f'part-{self.number:02}.zip', 'w'), 0
            self.number += 1
        self.archive.writestr(name, content)
        self.bytes += size

    def close(self):
        if self.archive:
            self.archive.close()


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def half_precision(checkpoint):
    """The file of a checkpoint with its mean weights alone, as half-precision numbers."""
    import torch

    weights = torch.load(checkpoint, map_location='cpu')['average']
    out = io.BytesIO()
    torch.save({'average': {name: value.half() if value.dtype.is_floating_point else value
                            for name, value in weights.items()}}, out)
    return out.getvalue()


def pack(args):
    parts = Parts(args.out)
    if args.start:
        parts.add('start.pt', half_precision(args.start))
    for path in args.file:
        parts.add(f'files/{path.name}', path.read_bytes())
    for path, name in to_choose_by(args):
        parts.add(f'choose/{name}', path.read_bytes())
    for source in args.sources:
        name, _, folder = source.partition('=')
        pack_folder(parts, name, Path(folder))
    parts.close()
    print(f'{parts.number} files in {args.out}')


def to_choose_by(args):
    """(path, name) of the photographs to choose by and their truths."""
    if args.wild:
        truth, photos = args.wild
        for path in sorted(truth.glob('*.png')):
            name = path.name.partition('.')[0]
            if halves.half_of(name) == 'choose':
                yield path, f'wild/{path.name}'
                if path.stem == name:
                    yield photos / f'{name}.jpg', f'wild/{name}.jpg'
    if args.street:
        data, ids = args.street
        yield data / 'classes.txt', 'street/classes.txt'
        for name in halves.in_half(ids.read_text().split(), 'choose'):
            yield data / 'photos' / f'{name}.jpg', f'street/{name}.jpg'
            yield data / 'labels' / f'{name}.png', f'street/{name}.png'


def pack_folder(parts, name, folder):
    index = json.loads((folder / 'index.json').read_text())
    photos, maps = (np.memmap(folder / file, np.uint8, 'r') for file in ('photos.u8', 'maps.u8'))
    about = []
    for entry in index:
        height, width, offset = entry['levels'][0]
        count = height * width * 3
        photo = Image.fromarray(photos[offset:offset + count].reshape(height, width, 3))
        labels = Image.fromarray(maps[entry['maps']:entry['maps'] + count].reshape(height, width, 3))
        size = round(width * SCALE), round(height * SCALE)
        small = photo.resize(size, Image.LANCZOS)
        half = labels.resize(((width + 1) // 2, (height + 1) // 2), Image.NEAREST)
        at = f'packed/{name}/{entry["id"]}'
        parts.add(f'{at}.jpg', encoded(small, 'JPEG', quality=QUALITY))
        parts.add(f'{at}.png', encoded(half, 'PNG', compress_level=9))
        about.append({key: entry[key] for key in ABOUT})
    parts.add(f'packed/{name}/index.json', json.dumps(about).encode())


def unpack_folder(task):
    """Writes one packed folder from the archives; `task` is (folder of the archives, name, out)."""
    archives, name, out = task
    prefix = f'packed/{name}/'
    opened = [zipfile.ZipFile(path) for path in sorted(archives.glob('part-*.zip'))]
    where = {member: archive for archive in opened for member in archive.namelist()
             if member.startswith(prefix)}

    def read(file):
        return where[prefix + file].read(prefix + file)

    with PackWriter(out / 'packed' / name) as writer:
        for entry in json.loads(read('index.json')):
            photo, maps = (Image.open(io.BytesIO(read(entry['id'] + end))) for end in ('.jpg', '.png'))
            maps = np.asarray(maps.resize(photo.size, Image.NEAREST)).transpose(2, 0, 1)
            torso = entry['torso'] and (np.array(entry['torso']) * SCALE).round(1).tolist()
            writer.add(entry['id'], photo, *maps, entry['worn'], torso, entry['unit'] / SCALE)
    return name, len(writer.index)


def unpack(args):
    names = set()
    for path in sorted(args.archives.glob('part-*.zip')):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.startswith('packed/'):
                    names.add(member.split('/')[1])
                else:
                    archive.extract(member, args.out)
    tasks = [(args.archives, name, args.out) for name in sorted(names)]
    with multiprocessing.Pool(min(len(tasks), multiprocessing.cpu_count()) or 1) as pool:
        for name, count in pool.imap_unordered(unpack_folder, tasks):
            print(f'{name}: {count} photographs')
    print(f'{shutil.disk_usage(args.out).free / 1e9:.0f} GB are left')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    packing = commands.add_parser('pack')
    packing.add_argument('out', type=Path)
    packing.add_argument('sources', nargs='+', metavar='NAME=PACKED_DIR')
    packing.add_argument('--start', type=Path)
    packing.add_argument('--file', type=Path, action='append', default=[])
    packing.add_argument('--wild', type=Path, nargs=2, metavar=('TRUTH_DIR', 'PHOTOS_DIR'))
    packing.add_argument('--street', type=Path, nargs=2, metavar=('DATA_DIR', 'IDS'))
    packing.set_defaults(run=pack)
    unpacking = commands.add_parser('unpack')
    unpacking.add_argument('archives', type=Path)
    unpacking.add_argument('out', type=Path)
    unpacking.set_defaults(run=unpack)
    args = parser.parse_args()
    args.run(args)


if __name__ == '__main__':
    main()
