#!/usr/bin/env python3
"""A checkpoint that train.py can start from, out of the exported default.onnx.

usage: checkpoint_from_onnx.py ONNX MOVENET_JSON EFFICIENTNET_PTH OUT.pt [--packed PACKED_DIR]

The export folds every batch norm into the convolution before it. Here the norm comes back: the kernel's rows
get the length that the published (or, in the decoder, fresh) ones have, and its statistics are measured on
crops of PACKED_DIR, so that the network computes the same in evaluation and nearly the same in training mode.
Heads that only training has start anew.
"""
import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from crops import Dataset
from export_onnx import GraphWriter, write_parser
from network import CENTER_BIAS, OFFSET_UNIT, Parser
from train import SEED, batch, on_device

MEASURED_BATCHES, MEASURED_CROPS = 24, 16


class Convolutions:
    """Kernels and biases, float64 arrays, of the convolutions of an ONNX file in its order."""

    def __init__(self, path):
        graph = onnx.load(str(path)).graph
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {node.output[0]: node for node in graph.node}
        self.nodes = [node for node in graph.node if node.op_type == 'Conv']

    def value(self, name):
        """The initializer `name`, or the product and casts of initializers that make it."""
        if name in self.initializers:
            return numpy_helper.to_array(self.initializers[name]).astype(np.float64)
        node = self.makers[name]
        assert node.op_type in ('Cast', 'Mul'), node.op_type
        return np.prod(np.broadcast_arrays(*map(self.value, node.input)), 0)

    def __iter__(self):
        for node in self.nodes:
            yield self.value(node.input[1]), self.value(node.input[2]) if len(node.input) > 2 else None


class WeightReader(GraphWriter):
    """Walks the network as the export does, but puts the file's weights into the modules."""

    def __init__(self, convolutions):
        super().__init__()
        self.convolutions = iter(convolutions)

    def conv(self, x, module, norm=None):
        kernel, bias = (None if a is None else torch.from_numpy(a) for a in next(self.convolutions))
        assert kernel.shape == module.weight.shape, (kernel.shape, module.weight.shape)
        if isinstance(norm, nn.BatchNorm2d):
            rows = (1, 2, 3)
            wanted = module.weight.detach().double().square().sum(rows).sqrt()
            gain = kernel.square().sum(rows).sqrt() / wanted.clamp(min=1e-6)
            gain = torch.where(gain > 1e-6, gain, 1.0)
            kernel = kernel / gain[:, None, None, None]
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.data, norm.bias.data = gain.float(), bias.float()
        elif bias is not None:
            module.bias.data = bias.float()
        module.weight.data = kernel.float()
        # The parts that `predict` was cut into are kept, to be put together again.
        self.last = [*getattr(self, 'last', []), module][-2:]
        return super().conv(x, module, norm)


def read_weights(model, path):
    reader = WeightReader(Convolutions(path))
    write_parser(reader, model, 'photo')
    assert next(reader.convolutions, None) is None
    center, offset = reader.last
    predict = model.people[1]
    predict.weight.data = torch.cat([center.weight, offset.weight / OFFSET_UNIT]).detach()
    predict.bias.data = torch.cat([center.bias - CENTER_BIAS, offset.bias / OFFSET_UNIT]).detach()


@torch.no_grad()
def measure_norms(model, data):
    """Gives every norm the mean and variance of what reaches it, its output unchanged."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    sums = {norm: torch.zeros(2, norm.num_features, dtype=torch.float64) for norm in norms}

    def add(norm, inputs):
        variance, mean = (value.double() for value in torch.var_mean(inputs[0], (0, 2, 3), correction=0))
        sums[norm] += torch.stack([mean, variance + mean.square()])

    hooks = [norm.register_forward_pre_hook(add) for norm in norms]
    for step in range(MEASURED_BATCHES):
        # No process of a training run has this number, so these crops are not its first ones.
        model(on_device(batch(data, SEED, SEED, step, MEASURED_CROPS), torch.device('cpu'), step)[0])
    for hook in hooks:
        hook.remove()
    for norm, (mean, square) in sums.items():
        mean, square = mean / MEASURED_BATCHES, square / MEASURED_BATCHES
        variance = (square - mean.square()).clamp(min=1e-6)
        gain, shift = norm.weight.double(), norm.bias.double()
        norm.weight.copy_(gain * torch.sqrt(variance + norm.eps))
        norm.bias.copy_(shift + gain * mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('onnx', type=Path)
    parser.add_argument('movenet', type=Path, help='movenet-multipose.json')
    parser.add_argument('efficientnet', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--packed', type=Path, help='without it the norms are as good as none')
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = Parser().eval()
    model.pose.load_movenet(args.movenet)
    model.garments.load_published(args.efficientnet)
    read_weights(model, args.onnx)
    if args.packed:
        measure_norms(model.to(memory_format=torch.channels_last), Dataset(args.packed))
    torch.save({'average': model.state_dict()}, args.out)


if __name__ == '__main__':
    main()
