#!/usr/bin/env python3
"""Which photographs a network was trained on, with the source and licence of each: photographs.csv.

usage: list_photographs.py OUT.csv DATA_DIR NAME=PACKED_DIR...

NAME says how the photographs of a packed folder (packing.py) got their labels. DATA_DIR holds two folders of
photographs: portraits with SOURCES.csv and no-people with sources.json. What is in neither of these is of
Clothing Co-Parsing (four digits) or Open Images (16 hexadecimal digits).
"""
import argparse
import csv
import json
import re
from pathlib import Path

OPEN_IMAGES = 'Open Images', 'CC BY 2.0'
COCO = 'COCO', 'CC BY 2.0 or no known restrictions, by the licence of its record'
PORTRAITS = {
    'fellows': ('presidential-innovation-fellows/pif-website@8ae57fae',
                'public domain in the US, CC0 elsewhere'),
    '18f': ('18F/18f.gsa.gov@0a55c75e', 'public domain, CC0'),
    'congress': ('Hainish/congress-images-225x275@20531e9', 'public domain or CC0'),
}
# By what the file names of the photographs without people begin with.
NOBODY = {
    'openimages': OPEN_IMAGES, 'coco': COCO,
    'clothing': ('alexeygrigorev/clothing-dataset@7ed86a9', 'CC0'),
    'documerica': ('US Environmental Protection Agency', 'public domain, no known restrictions'),
    'fsaowi': ('US Farm Security Administration', 'public domain, no known restrictions'),
    'kodak': ('SqueezeSoftware/test_files@ba32ed7', 'free for any purpose of electronic imaging'),
    'grocery': ('marcusklasson/GroceryStoreDataset@fc80ba9', 'MIT'),
    'cameratrap': ('google/cameratrapai@6520b83', 'CDLA-Permissive-1.0'),
    'caltech101': ('Caltech 101, MachineLearning2020/Homework2-Caltech101@836044d', 'CC BY 4.0'),
}


def portraits(data):
    """{id: path in the source} of the portraits, their ids as folder_number."""
    with open(data / 'portraits' / 'SOURCES.csv', newline='') as file:
        return {Path(file_name).with_suffix('').as_posix().replace('/', '_'): path
                for file_name, path in list(csv.reader(file))[1:]}


def nobody(data):
    """{id: path in the source} of the photographs without people."""
    sources = json.loads((data / 'no-people' / 'sources.json').read_text())
    return {Path(file_name).stem: source.partition(':')[2] for file_name, source in sources.items()}


def origin(name, portrait_paths, nobody_paths):
    """(source, path or id there, licence) of a photograph."""
    if name in portrait_paths:
        source, licence = PORTRAITS[name.partition('_')[0]]
        return source, portrait_paths[name], licence
    if name in nobody_paths:
        source, licence = NOBODY[name.partition('-')[0]]
        return source, nobody_paths[name], licence
    if re.fullmatch('[0-9]{4}', name):
        return 'Clothing Co-Parsing', f'photos/{name}.jpg', 'Apache-2.0'
    if re.fullmatch('[0-9a-f]{16}', name):
        return OPEN_IMAGES[0], name, OPEN_IMAGES[1]
    raise ValueError(f'nobody knows where {name} is from')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path)
    parser.add_argument('data', type=Path)
    parser.add_argument('packed', nargs='+', metavar='NAME=PACKED_DIR')
    args = parser.parse_args()
    paths = portraits(args.data), nobody(args.data)
    with open(args.out, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['id', 'labels', 'source', 'id or path there', 'licence'])
        for packed in args.packed:
            labels, _, folder = packed.partition('=')
            for entry in sorted(json.loads((Path(folder) / 'index.json').read_text()), key=lambda e: e['id']):
                writer.writerow([entry['id'], labels, *origin(entry['id'], *paths)])


if __name__ == '__main__':
    main()
