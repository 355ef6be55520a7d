#!/usr/bin/env python3
"""Write the ONNX template of M2FP, without weights, or a checkpoint of random weights in ModelScope's format.

usage: make_m2fp_template.py [--single] [--tiny] [--random SEED] OUT

m2fp/README.md says what a template is.
"""
import argparse
from pathlib import Path

import torch
from onnx import TensorProto, helper

from m2fp.deformable_attention import DOMAIN
from m2fp.network import M2FP, Sizes
from m2fp.random_weights import random_checkpoint
from onnx_model import model_of, tidy, traced

TINY = {'stem': 8, 'width': 2, 'blocks': (1, 2, 1, 1), 'hidden': 32, 'heads': 4, 'encoder_layers': 2,
        'encoder_ffn': 16, 'decoder_layers': 4, 'decoder_ffn': 16}


def template(sizes):
    """The graph of M2FP with an initializer without data for every weight."""
    network = M2FP(sizes).eval()
    for tensor in network.state_dict().values():    # the exporter makes one of tensors that are equal
        tensor.copy_(torch.rand(tensor.shape))
    # Weights come out as inputs: these have name and shape, but no data.
    model = traced(
        network, torch.zeros(1, 3, 64, 96), export_params=False, do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE, custom_opsets={DOMAIN: 1},
        output_names=['class_logits', 'mask_logits'],
        dynamic_axes={'photo': {2: 'height', 3: 'width'}, 'mask_logits': {2: 'mask_height', 3: 'mask_width'}})
    graph, weights = model.graph, network.state_dict()
    missing = {key for key in weights if not key.endswith('num_batches_tracked')} ^ {
        value.name for value in graph.input if value.name != 'photo'}
    assert not missing, f'not one for one: {sorted(missing)}'
    initializers = [TensorProto(name=value.name, data_type=TensorProto.FLOAT, dims=weights[value.name].shape)
                    for value in graph.input if value.name != 'photo']
    photo = [value for value in graph.input if value.name == 'photo']
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, sizes.queries, *rest])
               for name, rest in (('class_logits', [sizes.classes + 1]),
                                  ('mask_logits', ['mask_height', 'mask_width']))]
    return model_of('m2fp', tidy(graph), photo, outputs, initializers, model.opset_import)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path)
    parser.add_argument('--single', action='store_true', help='the single-human model (LIP)')
    parser.add_argument('--tiny', action='store_true', help='few and narrow layers, for tests')
    parser.add_argument('--random', type=int, metavar='SEED', help='write a checkpoint of random weights')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(classes=20 if args.single else 21, **(TINY if args.tiny else {}))
    if args.random is not None:
        torch.save(random_checkpoint(sizes, args.random), args.out)
    else:
        args.out.write_bytes(template(sizes).SerializeToString(deterministic=True))


if __name__ == '__main__':
    main()
