#!/usr/bin/env python3
"""Compare a converted SegFormer, run by ONNX Runtime, with Hugging Face's network on the same checkpoint.

usage: check_segformer.py CHECKPOINT MODEL.onnx [--tiny]

The input is random; prints the largest difference of the logits in their standard deviations.
m2fp/requirements-modelscope.txt has the packages.
"""
import argparse

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from convert_segformer import CLASSES, TINY, Sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('model')
    parser.add_argument('--tiny', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = TINY if args.tiny else Sizes()
    network = SegformerForSemanticSegmentation(SegformerConfig(
        num_labels=CLASSES, depths=sizes.depths, hidden_sizes=sizes.hidden, num_attention_heads=sizes.heads,
        sr_ratios=sizes.reductions, decoder_hidden_size=sizes.decoder)).eval()
    network.load_state_dict(load_file(args.checkpoint))
    photo = torch.randn(1, 3, sizes.side, sizes.side)
    with torch.no_grad():
        expected = network(photo).logits.numpy()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    answer, = onnxruntime.InferenceSession(args.model, options).run(None, {'photo': photo.numpy()})
    error = np.abs(answer - expected).max() / expected.std()
    print(f'{answer.shape}: they differ by {error:.1e} standard deviations')


if __name__ == '__main__':
    main()
