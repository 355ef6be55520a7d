"""Weights of TF.js graph models, such as MoveNet MultiPose (Google, Apache-2.0), from their files.

A TF.js graph model is a .json (graph + weight manifest) and a .bin (all weights, one after the other).
"""
import json
from pathlib import Path

import numpy as np

TRUNK = 'StatefulPartitionedCall/center_net_mobile_net_v2fpn_feature_extractor/model_1/'


def read_weights(model_json):
    """All weights by name, float32 or int32, in TF's own layout (HWIO for convolutions)."""
    model_json = Path(model_json)
    manifest = json.loads(model_json.read_text())['weightsManifest']
    weights = {}
    for group in manifest:
        blob = b''.join((model_json.parent / path).read_bytes() for path in group['paths'])
        offset = 0
        for entry in group['weights']:
            stored = entry.get('quantization', entry)
            dtype = np.dtype(stored['dtype']).newbyteorder('<')
            count = int(np.prod(entry['shape']))
            array = np.frombuffer(blob, dtype, count, offset).reshape(entry['shape'])
            array = array.astype(np.int32 if entry['dtype'] == 'int32' else np.float32)
            if 'scale' in stored:
                array = array * np.float32(stored['scale']) + np.float32(stored['min'])
            weights[entry['name']] = array
            offset += count * dtype.itemsize
    return weights


def convolution(weights, name, bias=None):
    """Kernel in PyTorch's layout (OIHW; [C, 1, kH, kW] if depthwise) and bias of the convolution `name`.

    In the published graph batch norm is folded: kernels end in `_weights`, biases in `_bn_offset`.
    `bias` names the bias for the layers that never had batch norm.
    """
    kernel = weights[name]
    depthwise = 'depthwise' in name
    kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
    return kernel, weights[bias] if bias else None
