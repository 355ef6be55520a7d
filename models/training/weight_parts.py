#!/usr/bin/env python3
"""The weights of a checkpoint in half precision, in files small enough to carry, and back.

usage: weight_parts.py split CHECKPOINT OUT_DIR    OUT_DIR/weights-00, -01, ... of at most LARGEST bytes
       weight_parts.py join IN_DIR CHECKPOINT      a checkpoint that train.py --start and export_onnx.py take
"""
import io
import sys
from pathlib import Path

import torch

from pack_for_gpu import half_precision

LARGEST = 15_000_000


def split(checkpoint, folder):
    content = half_precision(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(content), LARGEST)):
        (folder / f'weights-{number:02}').write_bytes(content[start:start + LARGEST])


def join(folder, checkpoint):
    content = b''.join(path.read_bytes() for path in sorted(folder.glob('weights-*')))
    weights = torch.load(io.BytesIO(content), map_location='cpu')['average']
    torch.save({'average': {name: value.float() if value.dtype.is_floating_point else value
                            for name, value in weights.items()}}, checkpoint)


if __name__ == '__main__':
    command, source, target = sys.argv[1:]
    {'split': split, 'join': join}[command](Path(source), Path(target))
