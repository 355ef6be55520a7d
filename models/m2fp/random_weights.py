"""Checkpoints of random weights that behave: signals keep their size through all layers, and the answers are
confident segments of many classes which overlap, several people among them."""
import math

import torch
from torch import nn

from m2fp.network import M2FP, Attention, AttentionLayer, Bottleneck, DeformableAttention, FeedForward

# Gains below 1 keep small what a rounding error may grow to: where a mask logit is about 0, it decides
# whether a query sees a token.
BRANCH = 0.3            # gain of what each block of the backbone adds,
RESIDUAL = 0.3          # each layer of the query decoder (with more, all queries become one),
LOOK = 0.3              # again, the cross attention,
SHARPNESS = 0.5         # and queries and keys of all attention
REACH = 3.              # pixels from a token to its samples; some are beyond the border
MASK_SPREAD = 4.        # standard deviation of the mask logits
MASK_SHIFT = 2.         # taken from them all: a segment covers about a third of the picture
CLASS_SPREAD = 5.       # standard deviation of the logits of a class over the queries
HUMAN, NOTHING = 3., 10.    # added to the logits of these classes
MULTI_HUMAN_CLASSES = 21


def random_checkpoint(sizes, seed):
    """What torch.save writes as ModelScope's pytorch_model.pt: weights under `model`, and more beside."""
    generator = torch.Generator().manual_seed(seed)
    network = M2FP(sizes)
    with torch.no_grad():
        for module in network.modules():
            randomise(module, generator)
        settle_statistics(network, generator)
        settle_heads(network, generator)
    weights = network.state_dict()
    for key in weights:
        if key.endswith('num_batches_tracked'):
            weights[key] += 90000
    moments = {i: {'step': torch.tensor(90000.), 'exp_avg': torch.zeros_like(weight)}
               for i, weight in enumerate(list(weights.values())[:2])}
    return {
        'model': {**weights, 'criterion.empty_weight': torch.ones(sizes.classes + 1)},
        'optimizer': {'state': moments,
                      'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.999), 'params': [0, 1]}]},
        'scheduler': {'last_epoch': 90000, '_last_lr': [1e-4]},
        'iteration': 89999,
    }


def randomise(module, generator):
    """Draws the parameters of the module itself; parts come after the module they are in."""
    def draw(tensor, deviation, mean=0.):
        tensor.normal_(mean, deviation, generator=generator)

    if isinstance(module, nn.Conv2d | nn.Linear):
        gain = 1.4 if isinstance(module, nn.Conv2d) else 1.
        draw(module.weight, gain / math.sqrt(module.weight[0].numel()))
        if module.bias is not None:
            draw(module.bias, 0.1)
    elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
        draw(module.weight, 0.1, 1.)
        draw(module.bias, 0.1)
    elif isinstance(module, nn.Embedding):
        draw(module.weight, 1.)
    elif isinstance(module, nn.ParameterDict):
        draw(module['level_embed'], 1.)
    elif isinstance(module, Attention):
        draw(module.in_proj_weight, 1 / math.sqrt(module.in_proj_weight.shape[1]))
        module.in_proj_weight[:2 * module.hidden] *= SHARPNESS
        draw(module.in_proj_bias, 0.1)


def blobs(generator):
    """A picture of soft random blobs, as normalised input."""
    coarse = torch.randn(1, 3, 16, 20, generator=generator)
    return nn.functional.interpolate(coarse, size=(256, 320), mode='bicubic', align_corners=False)


def settle_statistics(network, generator):
    """Gives layers their reach and gain, and the batch norms the statistics of a picture."""
    for module in network.modules():
        if isinstance(module, Bottleneck):
            module.conv3.norm.weight *= BRANCH
        elif isinstance(module, AttentionLayer) and module.name == 'multihead_attn':
            module.multihead_attn.out_proj.weight *= LOOK
        elif isinstance(module, DeformableAttention):
            module.sampling_offsets.bias.normal_(0, REACH, generator=generator)
        elif isinstance(module, Attention):
            module.out_proj.weight *= RESIDUAL
        elif isinstance(module, FeedForward):
            module.linear2.weight *= RESIDUAL
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.
    network.backbone.train()
    network.backbone(blobs(generator))
    network.eval()


def settle_heads(network, generator):
    """Scales and shifts class and mask logits to what the constants ask for on a picture."""
    picture, seen = blobs(generator), {}
    decoder, predictor = (network.sem_seg_head[name] for name in ('pixel_decoder', 'predictor'))
    project = predictor.mask_embed['layers'][2]

    def keep(module, name):
        return module.register_forward_hook(lambda _, inputs, output: seen.update({name: output}))

    hooks = [keep(decoder.mask_features, 'features'), keep(project, 'masks'),
             keep(predictor.class_embed, 'classes')]
    network(picture)
    features = seen['features'][0].flatten(1)
    features = features - features.mean(1, keepdim=True)
    decoder.mask_features.bias -= seen['features'].mean((0, 2, 3))
    masks = seen['masks'] - seen['masks'].mean(0)
    gain = MASK_SPREAD / (masks @ features).std()
    project.weight *= gain
    project.bias.copy_((project.bias - seen['masks'].mean(0)) * gain)
    # One direction that all queries share and that the features have less of: the shift.
    common = torch.randn(len(features), generator=generator)
    common *= math.sqrt(MASK_SHIFT) / common.norm()
    project.bias += common
    decoder.mask_features.bias -= common

    network(picture)        # the masks steer the attention: the queries are others now
    for hook in hooks:
        hook.remove()
    logits, classify = seen['classes'], predictor.class_embed
    gain = CLASS_SPREAD / logits.std(0)
    classify.weight *= gain[:, None]
    classify.bias.copy_((classify.bias - logits.mean(0)) * gain)
    classify.bias[-1] += NOTHING
    if len(gain) == MULTI_HUMAN_CLASSES + 1:
        classify.bias[MULTI_HUMAN_CLASSES - 1] += HUMAN
