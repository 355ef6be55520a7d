#!/usr/bin/env python3
"""Write the test models of other architectures: SCHP for each label set and SegFormer, tiny, of random weights.

usage: make_converted.py      (needs models/m2fp/requirements-modelscope.txt)

Each goes through its conversion script, as a published checkpoint would, to a folder beside this file. labels.png
there is the label map of ../m2fp/photo.png by ONNX Runtime and torch: grey, pixel = class, 150x120.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / 'models'
VARIANTS = {
    'schp-lip': ('convert_schp.py', ['--random', '11', '--classes', '20']),
    'schp-atr': ('convert_schp.py', ['--random', '12', '--classes', '18']),
    'schp-pascal': ('convert_schp.py', ['--random', '13', '--classes', '7']),
    'segformer-clothes': ('convert_segformer.py', ['--random', '14']),
}


def run(*arguments):
    subprocess.run([sys.executable, '-W', 'ignore', *map(str, arguments), '--tiny'], check=True)


def input_tensor(photo, card):
    """The photo as the card of these models asks for it, and the box (left, top, right, bottom) it lies in."""
    rule, about = card['settings'][0]['passes'][0]['size'], card['input']
    width, height = rule['width'], rule['height']
    box = (0, 0, width, height)
    if rule['rule'] == 'centred':       # in a square, and never enlarged
        longest = max(photo.size)
        side = min(width, longest)
        size = [side if length == longest else side * length // longest for length in photo.size]
        left, top = (width - size[0]) // 2, (height - size[1]) // 2
        box = (left, top, left + size[0], top + size[1])
    canvas = Image.new('RGB', (width, height))
    canvas.paste(photo.resize((box[2] - box[0], box[3] - box[1]), Image.BILINEAR), box[:2])
    pixels = np.asarray(canvas, np.float32)
    pixels = pixels[:, :, ::-1] if about['channels'] == 'bgr' else pixels
    values = (pixels - np.float32(about['mean'])) / np.float32(about['std'])
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None]), box


def label_map(photo, folder):
    card = json.loads((folder / 'card.json').read_text())
    tensor, box = input_tensor(photo, card)
    logits, = onnxruntime.InferenceSession(folder / card['files'][0]['path']).run(None, {'photo': tensor})
    scale = logits.shape[3] / tensor.shape[3]
    left, top, right, bottom = (round(side * scale) for side in box)
    assert scale == 1 or box == (0, 0, tensor.shape[3], tensor.shape[2])
    logits = torch.from_numpy(logits[:, :, top:bottom, left:right].copy())
    upsampled = torch.nn.functional.interpolate(logits, size=(photo.height, photo.width), mode='bilinear')
    return upsampled[0].argmax(0).numpy().astype(np.uint8)


def main():
    torch.set_num_threads(1)
    photo = Image.open(HERE.parent / 'm2fp/photo.png')
    for name, (script, random) in VARIANTS.items():
        folder = HERE / name
        with tempfile.TemporaryDirectory() as scratch:
            checkpoint = Path(scratch) / 'checkpoint'
            run(MODELS / script, checkpoint, *random)
            run(MODELS / script, checkpoint, folder)
        labels = label_map(photo, folder)
        Image.fromarray(labels).save(folder / 'labels.png', optimize=True)
        print(f'{name}: pixels of each class {np.bincount(labels.ravel()).tolist()}')


if __name__ == '__main__':
    main()
