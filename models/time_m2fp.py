#!/usr/bin/env python3
"""What ModelScope's pipeline for M2FP takes of time and memory for a photo, on the CPU.

usage: time_m2fp.py CHECKPOINT PHOTO [--threads 2] [--repeats 3]

The multi-human model, of whatever weights: the photo is read, prepared, run through the network and its
masks are made in the photo's size, as their service does. Prints the median and the least time after a
first run, of the whole and of the network alone, and the most memory that the process has taken, beside
that after importing their packages. m2fp/requirements-modelscope.txt has these.
"""
import argparse
import resource
import time
from statistics import median

import torch
from PIL import Image

from m2fp.modelscope_reference import modelscope_model, modelscope_pipeline, prepare
from m2fp.network import Sizes


def memory():
    """The most that this process has taken, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


@torch.inference_mode()
def parse(pipeline, photo):
    """The number of masks; seconds of the whole and of the network."""
    start = time.perf_counter()
    prepared = prepare(pipeline, Image.open(photo))
    before = time.perf_counter()
    answer = pipeline.model.forward(prepared)
    network = time.perf_counter() - before
    result = pipeline.postprocess(pipeline.model.postprocess(answer))
    return len(result['masks']), time.perf_counter() - start, network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('photo')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    imported = memory()
    weights = torch.load(options.checkpoint, map_location='cpu', weights_only=True)['model']
    weights = {key: value for key, value in weights.items() if not key.startswith('criterion.')}
    pipeline = modelscope_pipeline(modelscope_model(Sizes(classes=21), weights))
    del weights
    masks, *_ = parse(pipeline, options.photo)
    runs = [parse(pipeline, options.photo)[1:] for _ in range(options.repeats)]
    print(f'{masks} masks, {options.threads} threads')
    for name, seconds in zip(('whole photo', 'network alone'), zip(*runs, strict=True), strict=True):
        print(f'{name}: median {median(seconds):.2f} s, least {min(seconds):.2f} s')
    print(f'most memory {memory():.0f} MB, of which {imported:.0f} MB after the imports')


if __name__ == '__main__':
    main()
