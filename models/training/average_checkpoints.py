#!/usr/bin/env python3
"""The mean of the weights and norm statistics of several checkpoints of train.py, one continuing the other.

usage: average_checkpoints.py OUT.pt CHECKPOINT... [--last]

--last takes each checkpoint's last weights instead of its running mean, which lags behind in a short run.
"""
import argparse
from pathlib import Path

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path)
    parser.add_argument('checkpoints', type=Path, nargs='+')
    parser.add_argument('--last', action='store_true', help='the last weights, not the running means')
    args = parser.parse_args()
    key = 'model' if args.last else 'average'
    states = [torch.load(path, map_location='cpu')[key] for path in args.checkpoints]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).float()
        if value.dtype.is_floating_point else value
        for name, value in states[0].items()
    }
    torch.save({'average': mean}, args.out)


if __name__ == '__main__':
    main()
