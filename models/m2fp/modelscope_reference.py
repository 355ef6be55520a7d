"""The published implementation, ModelScope's, to check against; only imported, nothing of it is here.

Its M2FP code is under CC BY-NC 4.0. requirements-modelscope.txt has the packages; what these in turn would
import for other models (mmcv and datasets) is replaced here: of mmcv only the deformable attention is used,
for which Hugging Face's Mask2Former has the same function.
"""
import json
import sys
import types

import numpy as np
import torch
from PIL import Image
from transformers.models.mask2former.modeling_mask2former import multi_scale_deformable_attention


def install(name, **content):
    module = types.ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


install('mmcv')
install('mmcv.ops')
install('mmcv.ops.multi_scale_deform_attn', MultiScaleDeformableAttnFunction=None,
        multi_scale_deformable_attn_pytorch=multi_scale_deformable_attention)
install('modelscope.msdatasets', MsDataset=object)

from modelscope.models.cv.image_human_parsing import M2FP  # noqa: E402
from modelscope.models.cv.image_human_parsing.backbone import deeplab_resnet  # noqa: E402
from modelscope.pipelines.cv.image_human_parsing_pipeline import ImageHumanParsingPipeline  # noqa: E402

NAMES = ('Background Hat Hair Gloves Sunglasses UpperClothes Dress Coat Socks Pants Torso-skin Scarf Skirt '
         'Face Left-arm Right-arm Left-leg Right-leg Left-shoe Right-shoe Human').split()
STAGES = ['res2', 'res3', 'res4', 'res5']


def modelscope_model(sizes, weights):
    """Their model with these sizes and weights."""
    single = sizes.classes == 20
    names = [name if name != 'Torso-skin' or not single else 'Jumpsuits' for name in NAMES[:sizes.classes]]
    model = M2FP(
        '.', single_human=single, classes=names, num_parsing=20, parsing_on=not single,
        semantic_on=single, sem_seg_postprocess_before_inference=not single,
        backbone={
            'out_features': STAGES, 'depth': 101, 'norm': 'BN', 'num_groups': 1,
            'width_per_group': sizes.width, 'stem_out_channels': sizes.stem,
            'res2_out_channels': 4 * sizes.width, 'stride_in_1x1': False, 'res4_dilation': 1,
            'res5_dilation': 1, 'res5_multi_grid': [1, 1, 1]},
        encoder={
            'in_features': STAGES, 'transformer_in_features': STAGES[1:], 'transformer_dropout': 0.,
            'transformer_nheads': sizes.heads, 'transformer_dim_feedforward': sizes.encoder_ffn,
            'transformer_enc_layers': sizes.encoder_layers, 'conv_dim': sizes.hidden,
            'mask_dim': sizes.hidden, 'common_stride': 4},
        decoder={
            'num_classes': sizes.classes, 'hidden_dim': sizes.hidden, 'nheads': sizes.heads,
            'num_queries': sizes.queries, 'dim_feedforward': sizes.decoder_ffn,
            'dec_layers': sizes.decoder_layers, 'mask_dim': sizes.hidden, 'pre_norm': False,
            'enforce_input_project': False})
    if sizes.blocks != (3, 4, 23, 3):       # which their builder does not offer
        inputs, stages = sizes.stem, []
        for i, blocks in enumerate(sizes.blocks):
            width = sizes.width << i
            stages.append(deeplab_resnet.DeeplabResNet.make_stage(
                deeplab_resnet.BottleneckBlock, blocks, in_channels=inputs, out_channels=4 * width,
                bottleneck_channels=width, stride_per_block=[2 if i else 1] + [1] * (blocks - 1)))
            inputs = 4 * width
        model.backbone = deeplab_resnet.DeeplabResNet(model.backbone.stem, stages, out_features=STAGES)
    model.load_state_dict(weights)
    return model.eval()


def modelscope_pipeline(model):
    """Their pipeline around a model, without the registry that would look for files."""
    pipeline = object.__new__(ImageHumanParsingPipeline)
    pipeline.model = model
    return pipeline


def prepare(pipeline, photo, size=None):
    """What their pipeline makes of a photo; `size` is short and longest side of multi, width and height of
    single (in place of those of the published models)."""
    if pipeline.model.single_human:
        pipeline.model.input_single_human = {'sizes': [size or (384, 512)]}
        return pipeline.preprocess(photo)
    return pipeline.preprocess(photo, **dict(zip(('min_size', 'max_size'), size or (), strict=False)))


@torch.no_grad()
def write_results(pipeline, prepared, answer, folder):
    """Writes the photo as the network saw it, its answer and the results: the files that
    tests/m2fp/README.md lists."""
    folder.mkdir(exist_ok=True)
    seen = prepared['batched_inputs'][0]['image'].numpy()
    pixels = np.rint(seen).astype(np.uint8)
    assert np.abs(pixels - seen.astype(np.float64)).max() < 1e-4
    Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / 'input.png')
    np.save(folder / 'class_logits.npy', answer['outputs']['pred_logits'][0].numpy())
    np.save(folder / 'mask_logits.npy', answer['outputs']['pred_masks'][0].numpy())
    result = pipeline.postprocess(pipeline.model.postprocess(answer))
    found = list(zip(result['labels'], result['scores'], result['masks'], strict=True))
    if not pipeline.model.single_human:     # theirs is torch.topk's order, which is not specified
        found.sort(key=lambda instance: (instance[0] == 'Human', -instance[1]))
    entries = [{'label': label, 'score': float(score)} for label, score, _ in found]
    (folder / 'results.json').write_text('[\n' + ',\n'.join(map(json.dumps, entries)) + '\n]\n')
    masks = np.concatenate([mask for _, _, mask in found]) > 0
    Image.fromarray(masks).save(folder / 'masks.png', optimize=True)
