#!/usr/bin/env python3
"""Write the test model for people: a network of a few weights that reads class and person from colours.

usage: make_people.py      (writes people/ beside this file; needs onnx, numpy and Pillow)

The photo is drawn so that the answer is known. Red and blue are the part: background, hair, upper clothes or
arm. Green falls with the square of the distance from the middle of the nearest person, so that its slope is
the offset to that middle, in a mirrored photo as well; arms left and right of it are the person's right and
left ones. The photo is twice the size of the input tensor, which is padded below it.
"""
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

OUT = Path(__file__).parent / 'people'
WIDTH, HEIGHT = 384, 240
# Middle x, y and half height, in pixels of the photo.
PEOPLE = [(70, 130, 90), (190, 110, 70), (310, 140, 85)]
BACKGROUND, HAIR, CLOTHES, LEFT_ARM, RIGHT_ARM = 0, 2, 5, 14, 15
# Red and blue of each part.
CODES = {BACKGROUND: (0, 0), HAIR: (1, 0), CLOTHES: (1, 1), LEFT_ARM: (0, 1), RIGHT_ARM: (0, 1)}
# Squared distance, in pixels of the input tensor, at which green is 0.
REACH = 4096
CELL = 4


def draw():
    """The photo, its label map and its people map, uint8 each."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    people = np.zeros((HEIGHT, WIDTH), np.uint8)
    distance = np.full((HEIGHT, WIDTH), np.inf)
    for number, (cx, cy, half) in enumerate(PEOPLE, 1):
        dx, dy = (x - cx) / half, (y - cy) / half
        hair = (dx / 0.25) ** 2 + ((dy + 0.75) / 0.25) ** 2 <= 1
        clothes = (abs(dx) <= 0.3) & (dy > -0.5) & (dy <= 1)
        arms = (abs(dx) > 0.3) & (abs(dx) <= 0.5) & (dy > -0.5) & (dy <= 0.4)
        for part, where in [(HAIR, hair), (CLOTHES, clothes), (RIGHT_ARM, arms & (dx < 0)),
                            (LEFT_ARM, arms & (dx > 0))]:
            labels[where] = part
        people[hair | clothes | arms] = number
        distance = np.minimum(distance, (x - cx) ** 2 + (y - cy) ** 2)
    green = np.clip(1 - distance / 4 / REACH, 0, 1)
    red, blue = (np.vectorize(lambda part, i=i: CODES[part][i])(labels) for i in (0, 1))
    photo = np.stack([red, green, blue], -1)
    return np.round(255 * photo).astype(np.uint8), labels, people


def logit_weights():
    """For red, blue and offset x: the nearest code wins, and the side of the offset decides between arms."""
    weights, biases = np.zeros((20, 3), np.float32), np.full(20, -40, np.float32)
    for part, (red, blue) in CODES.items():
        side = {LEFT_ARM: -0.1, RIGHT_ARM: 0.1}.get(part, 0)
        weights[part] = 16 * red, 16 * blue, side
        biases[part] = -8 * (red + blue)
    return weights.reshape(20, 3, 1, 1), biases


def network():
    mean = np.zeros((3, 3, CELL, CELL), np.float32)
    mean[range(3), range(3)] = 1 / CELL ** 2
    slope = np.zeros((2, 1, 3, 3), np.float32)
    slope[0, 0, 1] = slope[1, 0, :, 1] = np.array([-1, 0, 1]) * REACH / 4 / CELL
    weights, biases = logit_weights()
    constants = {
        'mean': mean, 'slope': slope, 'weights': weights, 'biases': biases,
        'green_of': np.array([0, 1, 0], np.float32).reshape(1, 3, 1, 1),
        'red_and_blue_of': np.array([[1, 0, 0], [0, 0, 1]], np.float32).reshape(2, 3, 1, 1),
        'x_of': np.array([1, 0], np.float32).reshape(1, 2, 1, 1),
        'hot': np.full((1, 1, 1, 1), 8, np.float32), 'cold': np.full(1, -7, np.float32),
        'zero': np.float32(0), 'one': np.float32(1), 'near': np.float32(-40), 'far': np.float32(40),
    }
    nodes = [
        helper.make_node('Conv', ['photo', 'mean'], ['cells'], strides=[CELL, CELL], kernel_shape=[CELL, CELL]),
        helper.make_node('Conv', ['cells', 'green_of'], ['green']),
        helper.make_node('Conv', ['green', 'slope'], ['offsets'], pads=[1, 1, 1, 1]),
        helper.make_node('Conv', ['green', 'hot', 'cold'], ['heat']),
        helper.make_node('Clip', ['heat', 'zero', 'one'], ['centers']),
        helper.make_node('Conv', ['cells', 'red_and_blue_of'], ['codes']),
        helper.make_node('Conv', ['offsets', 'x_of'], ['x']),
        helper.make_node('Clip', ['x', 'near', 'far'], ['side']),
        helper.make_node('Concat', ['codes', 'side'], ['features'], axis=1),
        helper.make_node('Conv', ['features', 'weights', 'biases'], ['logits']),
    ]

    def value(name, channels, *size):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, *size])

    outputs = [value(name, channels, 'rows', 'columns')
               for name, channels in [('logits', 20), ('centers', 1), ('offsets', 2)]]
    graph = helper.make_graph(nodes, 'people', [value('photo', 3, 'height', 'width')], outputs,
                              [numpy_helper.from_array(np.asarray(array), name)
                               for name, array in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], producer_name='bodymap')
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def card(content):
    size = {'rule': 'short_side', 'short': HEIGHT // 2, 'max': WIDTH // 2, 'multiple': 32}
    plain, mirrored = ({'size': size, 'mirror': mirror} for mirror in (False, True))
    return {
        'id': 'people', 'title': 'People by colour', 'version': '1',
        'licence': {'name': 'CC0-1.0', 'url': 'https://creativecommons.org/publicdomain/zero/1.0/',
                    'attribution': 'Made by tests/models/make_people.py.'},
        'label_set': 'cihp',
        'files': [{'path': 'people.onnx', 'bytes': len(content),
                   'sha256': hashlib.sha256(content).hexdigest()}],
        'input': {'resample': 'bilinear', 'channels': 'rgb', 'mean': [0.0] * 3, 'std': [255.0] * 3,
                  'pad': {'value': 0.0, 'when': 'after_normalise'}},
        'settings': [{'id': 'fast', 'upsample': 'bilinear', 'passes': [plain]},
                     {'id': 'fine', 'upsample': 'guided', 'passes': [plain, mirrored]}],
        'output': {'kind': 'semantic+centers'},
    }


def main():
    OUT.mkdir(exist_ok=True)
    content = network()
    (OUT / 'people.onnx').write_bytes(content)
    (OUT / 'card.json').write_text(json.dumps(card(content), indent=2) + '\n')
    photo, labels, people = draw()
    Image.fromarray(photo).save(OUT / 'photo.png', optimize=True)
    for name, ids in [('labels', labels), ('people', people)]:
        # Indexed as the program's own maps are; the colours are of no matter.
        picture = Image.fromarray(ids)
        picture.putpalette([value for grey in range(256) for value in [grey] * 3])
        picture.save(OUT / f'{name}.png', optimize=True, bits=8)


if __name__ == '__main__':
    main()
