"""Multi-scale deformable attention (Zhu et al., Deformable DETR, 2021) as one node of the exported graph.

README.md in this folder defines the node, MSDeformAttn of the domain bodymap; `ms_deform_attn` is the same in
torch.
"""
import torch
import torch.nn.functional as F

DOMAIN = 'bodymap'
NAME = f'{DOMAIN}::ms_deform_attn'


@torch.library.custom_op(NAME, mutates_args=())
def ms_deform_attn(value: torch.Tensor, offsets: torch.Tensor, logits: torch.Tensor, shapes: torch.Tensor,
                   heads: int, points: int) -> torch.Tensor:
    tokens, channels = value.shape
    sides = shapes.tolist()
    levels = len(sides)
    offsets = offsets.reshape(tokens, heads, levels, points, 2)
    weights = logits.reshape(tokens, heads, levels * points).softmax(-1).view(tokens, heads, levels, points)
    middles = torch.cat([
        torch.stack(torch.meshgrid((torch.arange(width) + 0.5) / width, (torch.arange(height) + 0.5) / height,
                                   indexing='xy'), -1).flatten(0, 1)
        for height, width in sides])
    output, start = torch.zeros(heads, channels // heads, tokens), 0
    for level, (height, width) in enumerate(sides):
        plane = value[start:start + height * width].t().reshape(heads, channels // heads, height, width)
        start += height * width
        at = middles[:, None, None] + offsets[:, :, level] / torch.tensor([width, height])
        samples = F.grid_sample(plane, at.transpose(0, 1) * 2 - 1, align_corners=False)
        output += (samples * weights[:, :, level].transpose(0, 1)[:, None]).sum(-1)
    return output.permute(2, 0, 1).reshape(tokens, channels)


def write_node(g, value, offsets, logits, shapes, heads, points):
    """The node, for torch's exporter."""
    sizes = {f'{name}_i': torch.onnx.symbolic_helper._get_const(number, 'i', name)
             for name, number in (('heads', heads), ('points', points))}
    return g.op(f'{DOMAIN}::MSDeformAttn', value, offsets, logits, shapes, **sizes).setType(value.type())


torch.onnx.register_custom_op_symbolic(NAME, write_node, 17)
