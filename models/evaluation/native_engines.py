#!/usr/bin/env python3
"""The network of a card natively: this program, ONNX Runtime and PyTorch in turn, on the same input sizes.

usage: native_engines.py [--card CARD] [--setting ID] [--photo PHOTO] [--threads 1] [--rounds 5] [--repeats 3]
                         [--torch MODULE:EXPRESSION] [--json FILE] [--bodymap PROGRAM]
  PHOTO       enlarged and cropped to 720x1280; a sample if left out
  MODULE      of ../training or .., whose EXPRESSION makes the same network in torch, of whatever weights:
              network:Parser() for the default model, m2fp.network:M2FP(Sizes()) for M2FP

Needs training/requirements.txt. A time is that of all passes of the setting: input tensors in, outputs out.
"""
import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[2]
SIZE = 720, 1280


def bodymap(options, photo):
    """Runs the program once -> its report on the photo."""
    with tempfile.NamedTemporaryFile(suffix='.json') as report:
        command = [options.bodymap, 'bench', photo, '--threads', str(options.threads),
                   '--repeats', str(options.repeats), '--json', report.name, '--model', options.card]
        if options.setting:
            command += ['--setting', options.setting]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            sys.exit(f'{options.bodymap} failed')
        return json.load(report)['photos'][0]


def onnxruntime(options):
    """Tensors -> outputs."""
    import onnxruntime
    files = json.loads(options.card.read_text())['files']
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    onnx = b''.join(options.card.with_name(file['path']).read_bytes() for file in files)
    session = onnxruntime.InferenceSession(onnx, settings, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})


def torch(options):
    """Tensors -> outputs."""
    import torch
    sys.path[:0] = [str(ROOT / 'models' / 'training'), str(ROOT / 'models')]
    torch.set_num_threads(options.threads)
    module, expression = options.torch.split(':', 1)
    network = eval(expression, vars(importlib.import_module(module))).eval()

    def run(tensor):
        with torch.inference_mode():
            return network(torch.from_numpy(tensor))
    return run


def seconds(run, tensors):
    start = time.perf_counter()
    for tensor in tensors:
        run(tensor)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--card', type=Path, default=ROOT / 'models' / 'default' / 'card.json')
    parser.add_argument('--setting')
    parser.add_argument('--photo', type=Path, default=ROOT / 'www' / 'samples' / 'mpl_grace_hopper.jpg')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--torch')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--bodymap', default='bodymap')
    options = parser.parse_args()
    others = {'ONNX Runtime': onnxruntime(options)}
    if options.torch:
        others['PyTorch'] = torch(options)
    times = {name: [] for name in ('bodymap', *others)}
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / 'photo.jpg'
        source = Image.open(options.photo).convert('RGB')
        ImageOps.fit(source, SIZE, Image.Resampling.BICUBIC).save(photo, quality=90)
        for number in range(options.rounds):
            measured = bodymap(options, photo)
            times['bodymap'] += measured['seconds']['network']
            noise = np.random.default_rng(number)
            tensors = [noise.standard_normal((1, 3, *size), np.float32) for size in measured['inputs']]
            for name, run in others.items():
                if not number:
                    seconds(run, tensors)
                times[name] += [seconds(run, tensors) for _ in range(options.repeats)]

    print(f'{options.card}, input {measured["inputs"]}, {measured["macs"] / 1e9:.2f} GMAC, '
          f'{options.threads} thread(s), load of the machine {os.getloadavg()[0]:.1f}')
    print(f'{"":14s} {"median ms":>10s} {"min ms":>10s} {"ratio":>6s} {"GMAC/s":>7s}')
    for name, values in times.items():
        middle = median(values)
        print(f'{name:14s} {1e3 * middle:10.1f} {1e3 * min(values):10.1f} '
              f'{middle / median(times["ONNX Runtime"]):6.2f} {measured["macs"] / 1e9 / middle:7.1f}')
    if options.json:
        report = {'inputs': measured['inputs'], 'macs': measured['macs'], 'threads': options.threads,
                  'seconds': times}
        options.json.write_text(json.dumps(report, indent=1) + '\n')


if __name__ == '__main__':
    main()
