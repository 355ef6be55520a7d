"""Networks of torch -> ONNX files with cards, as the program reads them."""
import hashlib
import io
import json

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
TOLERANCE = {'f32': 1e-4, 'f16': 3e-2}      # standard deviations of the logits
HALF_FROM = 1024        # values; smaller tensors stay float32, which costs nothing


def traced(network, photo, **options):
    """The graph of what the network does with `photo`, of an input of that name."""
    file = io.BytesIO()
    torch.onnx.export(network, (photo,), file, opset_version=OPSET, dynamo=False, input_names=['photo'],
                      **options)
    return onnx.load_from_string(file.getvalue())


def tidy(graph):
    """The nodes of the graph, each computed once, without traces of the exporter, under short names."""
    names = {'': ''}
    kept, seen = [], {}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        inputs = [names.get(name, name) for name in node.input]
        attributes = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
        same = (node.domain, node.op_type, *inputs, *attributes)
        if same in seen and outputs.isdisjoint(node.output):
            names.update(zip(node.output, seen[same], strict=True))
            continue
        for i, name in enumerate(node.output):
            names[name] = name if name in outputs else f'{node.op_type}_{len(kept)}' + (f'_{i}' if i else '')
        seen[same] = [names[name] for name in node.output]
        short = helper.make_node(node.op_type, inputs, seen[same], name=seen[same][0])
        short.domain = node.domain
        short.attribute.extend(node.attribute)
        kept.append(short)
    return kept


def model_of(name, nodes, inputs, outputs, initializers, opset_imports):
    built = helper.make_model(helper.make_graph(nodes, name, inputs, outputs, initializers),
                              opset_imports=opset_imports, producer_name='bodymap')
    built.ir_version = 8
    return built


def halved(initializers):
    """The initializers, the large ones in float16, and the nodes that make float32 of these."""
    nodes, kept = [], []
    for tensor in initializers:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.ndim > 1 and array.size >= HALF_FROM:
            half = f'{tensor.name}_half'
            kept.append(numpy_helper.from_array(array.astype(np.float16), half))
            nodes.append(helper.make_node('Cast', [half], [tensor.name], to=TensorProto.FLOAT))
        else:
            kept.append(tensor)
    return nodes, kept


def semantic_model(name, network, side, half):
    """The network, for an input of side x side, as bytes of ONNX; and by how much ONNX Runtime and torch
    differ, in standard deviations of the logits."""
    photo = torch.rand(1, 3, side, side) * 4 - 2
    with torch.no_grad():
        expected = network(photo).numpy()
        exported = traced(network.for_export(), photo, output_names=['logits'])
    graph = exported.graph
    casts, initializers = halved(graph.initializer) if half else ([], graph.initializer)
    nodes = casts + tidy(graph)
    built = model_of(name, nodes, graph.input, graph.output, initializers, exported.opset_import)
    onnx.checker.check_model(built, full_check=True)
    content = built.SerializeToString(deterministic=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    answer, = onnxruntime.InferenceSession(content, options).run(None, {'photo': photo.numpy()})
    assert answer.shape == expected.shape
    return content, float(np.abs(answer - expected).max() / expected.std())


def write_semantic_model(folder, card, network, side, precision):
    """Writes the network, which answers with logits `[1, classes, h, w]`, and its card, `files` filled in."""
    content, error = semantic_model(card['id'], network, side, precision == 'f16')
    print(f'{card["id"]}: {len(content)} bytes, ONNX Runtime differs by {error:.1e} standard deviations')
    if error > TOLERANCE[precision]:
        raise SystemExit(f'that is more than {TOLERANCE[precision]}: nothing is written')
    path = f'{card["id"]}.onnx'
    file = {'path': path, 'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    (folder / 'card.json').write_text(json.dumps({**card, 'files': [file]}, indent=2) + '\n')


def spread(classifier, logits):
    """Scales and shifts the last convolution, of random weights, so that each class comes out somewhere."""
    means, gains = logits.mean((0, 2, 3)), 3 / logits.std((0, 2, 3))
    classifier.weight *= gains[:, None, None, None]
    classifier.bias.copy_((classifier.bias - means) * gains)


def plain_and_mirrored(size):
    """Settings of a card: `fast` is the photo as it is, `fine` the mean with its mirror image."""
    def settings(name, *mirrored):
        return {'id': name, 'upsample': 'bilinear',
                'passes': [{'size': size, 'mirror': mirror} for mirror in mirrored]}

    return [settings('fast', False), settings('fine', False, True)]
