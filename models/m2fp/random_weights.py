"""Checkpoints of random weights that behave: signals keep their size through all layers, and the answers are
confident segments of many classes which overlap, several people among them."""
import math

import torch
from torch import nn

from m2fp.network import M2FP, Attention, DeformableAttention, FeedForward

MASK_SPREAD = 6.        # standard deviation of the mask logits, and what is taken from each:
MASK_SHIFT = 2.         # segments cover less than half of the picture
CLASS_SPREAD = 4.       # standard deviation of the logits of a class over the queries
HUMAN, NOTHING = 2., -1.    # added to the logits of these classes
MULTI_HUMAN_CLASSES = 21
RESIDUAL = 0.4          # of each layer of the query decoder; with more of it all queries become one


def random_checkpoint(sizes, seed):
    """What torch.save writes as ModelScope's pytorch_model.pt: weights under `model`, and what training leaves."""
    generator = torch.Generator().manual_seed(seed)
    network = M2FP(sizes)
    with torch.no_grad():
        for module in network.modules():
            randomise(module, generator)
        settle(network, generator)
    weights = network.state_dict()
    for key in weights:
        if key.endswith('num_batches_tracked'):
            weights[key] += 90000
    first, second = list(weights.values())[:2]
    moments = {i: {'step': torch.tensor(90000.), 'exp_avg': torch.zeros_like(w), 'exp_avg_sq': torch.ones_like(w)}
               for i, w in enumerate([first, second])}
    return {
        'model': {**weights, 'criterion.empty_weight': torch.ones(sizes.classes + 1)},
        'optimizer': {'state': moments, 'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.999), 'params': [0, 1]}]},
        'scheduler': {'last_epoch': 90000, '_last_lr': [1e-4]},
        'iteration': 89999,
    }


def randomise(module, generator):
    def normal(tensor, deviation, mean=0.):
        tensor.normal_(mean, deviation, generator=generator)

    if isinstance(module, nn.Conv2d | nn.Linear):
        gain = 1.4 if isinstance(module, nn.Conv2d) else 1.
        normal(module.weight, gain / math.sqrt(module.weight[0].numel()))
        if module.bias is not None:
            normal(module.bias, 0.1)
    elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
        normal(module.weight, 0.1, 1.)
        normal(module.bias, 0.1)
    elif isinstance(module, nn.Embedding):
        normal(module.weight, 1.)
    elif isinstance(module, nn.ParameterDict):
        normal(module['level_embed'], 1.)
    elif isinstance(module, Attention):
        normal(module.in_proj_weight, 1 / math.sqrt(module.in_proj_weight.shape[1]))
        normal(module.in_proj_bias, 0.1)


def settle(network, generator):
    """Statistics of the batch norms, reach of the deformable attention and scale of the heads, from one drawn
    picture."""
    for module in network.modules():
        if isinstance(module, DeformableAttention):     # samples up to some pixels away, beyond the border too
            module.sampling_offsets.bias.normal_(0, 3, generator=generator)
        elif isinstance(module, Attention):
            module.out_proj.weight *= RESIDUAL
        elif isinstance(module, FeedForward):
            module.linear2.weight *= RESIDUAL
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.
    coarse = torch.randn(1, 3, 16, 20, generator=generator)
    picture = nn.functional.interpolate(coarse, size=(256, 320), mode='bicubic', align_corners=False)
    network.backbone.train()
    network.backbone(picture)
    network.eval()

    seen = {}
    decoder, predictor = (network.sem_seg_head[name] for name in ('pixel_decoder', 'predictor'))
    last = predictor.mask_embed['layers'][2]
    hooks = [
        predictor.class_embed.register_forward_hook(lambda module, given, result: seen.update(queries=given[0])),
        last.register_forward_hook(lambda module, given, result: seen.update(masks=result)),
        decoder.mask_features.register_forward_hook(lambda module, given, result: seen.update(features=result))]
    network(picture)
    features = seen['features'][0].flatten(1)
    middle = features.mean(1)
    decoder.mask_features.bias -= middle
    last.bias -= seen['masks'].mean(0)
    deviation = ((seen['masks'] - seen['masks'].mean(0)) @ (features - middle[:, None])).std()
    last.weight *= MASK_SPREAD / deviation
    last.bias *= MASK_SPREAD / deviation
    common = torch.randn(len(middle), generator=generator)
    common *= math.sqrt(MASK_SHIFT) / common.norm()
    last.bias += common
    decoder.mask_features.bias -= common

    network(picture)
    for hook in hooks:
        hook.remove()
    logits = predictor.class_embed(seen['queries'])
    gain = CLASS_SPREAD / logits.std(0)
    predictor.class_embed.weight *= gain[:, None]
    predictor.class_embed.bias.copy_((predictor.class_embed.bias - logits.mean(0)) * gain)
    predictor.class_embed.bias[-1] += NOTHING
    if len(gain) == MULTI_HUMAN_CLASSES + 1:
        predictor.class_embed.bias[MULTI_HUMAN_CLASSES - 1] += HUMAN
