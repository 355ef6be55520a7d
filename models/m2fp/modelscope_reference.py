"""The published implementation, ModelScope's, to check against; only imported, nothing of it is here.

Its M2FP code is under CC BY-NC 4.0. requirements-modelscope.txt has the packages; what these in turn would
import for other models (mmcv and datasets) is replaced here: of mmcv only the deformable attention is used,
for which Hugging Face's Mask2Former has the same function.
"""
import sys
import types

import torch
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


def modelscope_model(sizes, weights, single_human_size=(384, 512)):
    """Their model with these sizes and weights; `single_human_size` is width and height of LIP's input."""
    single = sizes.classes == 20
    model = M2FP(
        '.', single_human=single, classes=NAMES[:sizes.classes], num_parsing=20, parsing_on=not single,
        semantic_on=single, sem_seg_postprocess_before_inference=not single,
        input_single_human={'sizes': [single_human_size]},
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


def modelscope_outputs(model, tensor):
    """Class logits and mask logits of their network for a normalised input."""
    with torch.no_grad():
        outputs = model.sem_seg_head(model.backbone(tensor))
    return outputs['pred_logits'], outputs['pred_masks']
