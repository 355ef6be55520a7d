#!/usr/bin/env python3
"""Train the parser on one GPU, or on CPU processes that average their gradients, one thread each.

usage: train.py PACKED_DIR MOVENET_JSON EFFICIENTNET_PTH RUN_DIR [--tagged PACKED_DIR]
                [--wild PACKED_DIR=SHARE]... [--start CHECKPOINT] [--minutes M] [--rate FACTOR] [--seed S]
                [--device cpu|cuda] [--processes P] [--workers W] [--batch B] [--compile] [--resume]
                [--measure STEPS]

The schedule follows the time spent, so a run ends when it should on a busy machine too. RUN_DIR/last.pt is
written every minute and is what --resume continues from; log.txt has one line every 20 steps. On a GPU, crops
are made by worker processes. --measure only takes so many steps and prints how fast they were.
"""
import argparse
import copy
import math
import multiprocessing
import os
import sys
import time
from collections import deque
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn import functional as F

from crops import WORN, WORN_UNKNOWN, Dataset, mirrored_twin, people_targets, random_crop
from label_codes import UNKNOWN_NAME, mirror_table
from light import in_another_light
from network import Parser, half_precision
from partial_label_loss import PartialLabelLoss, sides_loss

SEED = 20                 # unless another is asked for
CROP_SIZES = ((448, 256), (384, 320), (448, 256), (256, 384), (320, 448))
DECODER_RATE, GARMENTS_RATE, POSE_RATE = 1e-3, 2.5e-4, 5e-5
LAST_RATE = 0.01          # fraction left at the end
WARM_UP_STEPS = 40
WEIGHT_DECAY = 0.05
EMA_DECAY = 0.995
FROZEN_STEPS = 120        # the decoder alone, before the backbones learn too; not after --start
# What stays as published, 1/2 to 1/8 of the size: dear and generic.
FROZEN_GARMENTS = ('stem', *(f'blocks.{i}.' for i in range(7)))
FROZEN_POSE = ('stem', 'first.', *(f'blocks.{i}.' for i in range(5)), 'box.')
CHECKPOINT_SECONDS = 60
UNMEASURED_STEPS = 5      # the first ones, in which libraries choose their ways
AHEAD = 2                 # batches that a worker process makes ahead
PRESENCE, MIN_PRESENT, MAX_UNKNOWN = 0.4, 0.002, 0.1
# One crop in so many is the mirrored twin of another, and both should be parsed alike.
TWIN_SHARE, TWINS = 4, 0.8
# Weight of left and right by themselves.
SIDES = 0.3
# Weights of what is learned by the data set's finer names: of the whole photo, of each pixel.
WORN_NAMES, PIXEL_NAMES = 2.4, 0.3


def batch(data, seed, rank, step, size):
    """RGB uint8 [B, H, W, 3]; codes and names uint8 [B, H/2, W/2] and [B, H/4, W/4]; worn [B, NAMES] as
    crops.random_crop has it; people's targets [B, ...]. All fixed by seed, rank and step. The last
    B // TWIN_SHARE crops are the first ones in the mirror.
    """
    rng = np.random.default_rng([seed, rank, step])
    height, width = CROP_SIZES[step % len(CROP_SIZES)]
    twins = size // TWIN_SHARE
    crops = [random_crop(rng, data, (height, width)) for _ in range(size - twins)]
    crops += [mirrored_twin(crop) for crop in crops[:twins]]
    photos, codes, people, names, worn = zip(*crops, strict=True)
    targets = zip(*map(people_targets, people, codes), strict=True)
    names = [one[::2, ::2] for one in names]
    return tuple(map(np.stack, (photos, codes, names, worn, *targets)))


def on_device(crops, device, seed):
    """The crops of `batch` as the network and the losses take them: photos float [B, 3, H, W] in -1..1, in
    another light by the seed; codes and names long; worn; people's targets.
    """
    tensors = map(torch.from_numpy, crops)
    if device.type == 'cuda':
        tensors = (tensor.pin_memory() for tensor in tensors)
    photos, codes, names, worn, *targets = (tensor.to(device, non_blocking=True) for tensor in tensors)
    photos = in_another_light(photos.permute(0, 3, 1, 2).float(), seed) / 127.5 - 1
    photos = photos.contiguous(memory_format=torch.channels_last)
    return photos, codes.long(), names.long(), worn, [target.float() for target in targets]


def light_seed(seed, rank, step):
    return (seed * 1000 + rank) * 10_000_000 + step


class Batches:
    """Endless iterator over `batch` from a step on, made ahead by worker processes if there are any.

    They hand over arrays through pipes: shared memory may be small where this runs.
    """

    def __init__(self, data, seed, rank, size, step, workers):
        self.made_of = data, seed, rank
        self.size, self.step = size, step
        self.pool, self.ahead = None, deque()
        if workers:
            self.pool = multiprocessing.get_context('fork').Pool(workers, begin_worker, (self.made_of, size))
            for _ in range(workers * AHEAD):
                self.ask()

    def ask(self):
        self.ahead.append(self.pool.apply_async(in_worker, (self.step,)))
        self.step += 1

    def end(self):
        if self.pool:
            self.pool.terminate()

    def __iter__(self):
        return self

    def __next__(self):
        if self.pool:
            self.ask()
            return self.ahead.popleft().get()
        self.step += 1
        return batch(*self.made_of, self.step - 1, self.size)


def begin_worker(made_of, size):
    cv2.setNumThreads(0)
    in_worker.made_of, in_worker.size = made_of, size


def in_worker(step):
    return batch(*in_worker.made_of, step, in_worker.size)


def people_loss(centers, offsets, targets):
    """Squared error of the heatmap, weighted towards its peaks, and absolute error of the offsets."""
    heat, heat_weight, offset, offset_weight = targets
    weight = heat_weight * (1 + 10 * heat)
    center_loss = (weight * (centers - heat) ** 2).sum() / weight.sum()
    offset_loss = (offset_weight * (offsets - offset).abs()).sum() / offset_weight.sum().clamp(min=1)
    return 10 * center_loss + 0.01 * offset_loss


def presence_loss(presence, codes):
    """Which classes are in the picture: it teaches the deepest features what is worn, whole.

    A class counts as present from MIN_PRESENT of the pixels on; with a few pixels, or where much is ignored,
    it is not asked for.
    """
    pixels = codes.flatten(1)
    ones = torch.ones(pixels.shape, device=codes.device)
    share = torch.zeros(len(codes), 256, device=codes.device).scatter_add_(1, pixels, ones) / pixels.shape[1]
    share, unknown = share[:, :presence.shape[1]], share[:, presence.shape[1]:].sum(1, keepdim=True)
    present = share >= MIN_PRESENT
    known = present | ((share == 0) & (unknown < MAX_UNKNOWN))
    loss = F.binary_cross_entropy_with_logits(presence, present.float(), reduction='none')
    return (loss * known).sum() / known.sum().clamp(min=1)


def names_loss(worn_logits, worn, name_logits, names):
    """Which of the data set's names are worn, and each pixel's: finer than what the network is to tell."""
    known = worn != WORN_UNKNOWN
    loss = F.binary_cross_entropy_with_logits(worn_logits, (worn == WORN).float(), reduction='none')
    worn_loss = (loss * known).sum() / known.sum().clamp(min=1)
    pixel_loss = F.cross_entropy(name_logits, names, ignore_index=UNKNOWN_NAME, reduction='sum')
    return WORN_NAMES * worn_loss + PIXEL_NAMES * pixel_loss / (names != UNKNOWN_NAME).sum().clamp(min=1)


def twins_loss(logits):
    """How far the answers to twins are apart: the symmetric Kullback-Leibler divergence, a pixel."""
    twins = len(logits) // TWIN_SHARE
    classes = torch.from_numpy(mirror_table()[:logits.shape[1]].astype(np.int64)).to(logits.device)
    log_p = F.log_softmax(logits[:twins], 1)
    log_q = F.log_softmax(logits[len(logits) - twins:].flip(3)[:, classes], 1)
    return 0.5 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1).mean()


def learning(backbone, frozen):
    """Parameters that learn after the first steps."""
    return [p for name, p in backbone.named_parameters() if not name.startswith(frozen)]


def to_training(model):
    """Training mode, but for the norms of what is frozen."""
    model.train()
    for name, module in model.garments.named_modules():
        if f'{name}.'.startswith(FROZEN_GARMENTS):
            module.eval()


def average_gradients(parameters, processes):
    if processes == 1:
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= processes
    for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        grad.copy_(part.view_as(grad))


def update_average(average, model, step=None):
    """Exponential moving average of weights and batch-norm statistics."""
    decay = EMA_DECAY if step is None else min(EMA_DECAY, (1 + step) / (10 + step))
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    floats = [pair for pair in pairs if pair[0].dtype.is_floating_point]
    torch._foreach_lerp_([mean for mean, _ in floats], [value for _, value in floats], 1 - decay)
    for mean, value in pairs:
        if not mean.dtype.is_floating_point:
            mean.copy_(value)


def work(rank, args):
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    if args.processes > 1:
        dist.init_process_group('gloo', f'tcp://127.0.0.1:{args.port}', rank=rank, world_size=args.processes)
    device = torch.device(args.device)
    torch.backends.cudnn.benchmark = True
    data = Dataset(args.packed, args.tagged, args.wild)
    model = Parser()
    if not args.start:
        model.pose.load_movenet(args.movenet)
        model.garments.load_published(args.efficientnet)
    model = model.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False)
    loss_of = PartialLabelLoss().to(device)
    garments, pose = learning(model.garments, FROZEN_GARMENTS), learning(model.pose, FROZEN_POSE)
    for backbone in (model.garments, model.pose):
        backbone.requires_grad_(False)
    frozen_steps = 0 if args.start else FROZEN_STEPS
    groups = [{'params': model.decoder_parameters(), 'base': DECODER_RATE, 'wait': 0},
              {'params': garments, 'base': GARMENTS_RATE, 'wait': frozen_steps},
              {'params': pose, 'base': POSE_RATE, 'wait': frozen_steps}]
    optimizer = torch.optim.AdamW(groups, lr=DECODER_RATE, weight_decay=WEIGHT_DECAY,
                                  fused=device.type == 'cuda')
    step, spent = 0, 0.0
    if args.start:
        saved = torch.load(args.start, map_location=device)['average']
        model.load_state_dict(saved)
        average.load_state_dict(saved)
    checkpoint = args.run / 'last.pt'
    if args.resume and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved['model'])
        average.load_state_dict(saved['average'])
        optimizer.load_state_dict(saved['optimizer'])
        step, spent = saved['step'], saved['spent']

    def save():
        state = {'model': model.state_dict(), 'average': average.state_dict(),
                 'optimizer': optimizer.state_dict(), 'step': step, 'spent': spent}
        torch.save(state, args.run / 'part.pt')
        os.replace(args.run / 'part.pt', checkpoint)

    to_training(model)
    forward = torch.compile(model) if args.compile else model
    batches = Batches(data, args.seed, rank, args.batch, step, args.workers)
    first_step, waited = step, 0.0

    def prepared(step):
        nonlocal waited
        asked = time.monotonic()
        crops = next(batches)
        waited += time.monotonic() - asked
        return on_device(crops, device, light_seed(args.seed, rank, step))

    ready = prepared(step)
    running, started = None, time.monotonic()
    last_save = before = measured_from = started
    while True:
        # Rank 0 keeps the time, so that all processes take the same decisions.
        clock = torch.tensor([spent / (60 * args.minutes)])
        if args.processes > 1:
            dist.broadcast(clock, 0)
        progress = clock.item()
        if progress >= 1 or args.measure and step - first_step == args.measure:
            break
        if step - first_step == UNMEASURED_STEPS:
            measured_from, waited = time.monotonic(), 0.0
        if step >= frozen_steps and not garments[0].requires_grad:
            for parameter in garments + pose:
                parameter.requires_grad_(True)
        for group in optimizer.param_groups:
            warm_up = min(1.0, max(step - group['wait'] + 1, 0) / WARM_UP_STEPS)
            cosine = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * progress))
            group['lr'] = args.rate * group['base'] * warm_up * cosine
        photos, codes, names, worn, targets = ready
        with half_precision(device):
            outputs = forward(photos)
        logits, centers, offsets, presence, worn_logits, name_logits = (output.float() for output in outputs)
        parsing = loss_of(logits, codes) + PRESENCE * presence_loss(presence, codes)
        parsing = parsing + TWINS * twins_loss(logits) + SIDES * sides_loss(logits, codes)
        people = people_loss(centers, offsets, targets)
        named = names_loss(worn_logits, worn, name_logits, names)
        loss = parsing + people + named
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group['params'] if p.requires_grad]
        average_gradients(parameters, args.processes)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        step += 1
        update_average(average, model, None if args.start else step)
        ready = prepared(step)      # while a GPU is still busy with this step
        now_losses = torch.stack([parsing, people, named]).detach().cpu().numpy()
        running = now_losses if running is None else 0.97 * running + 0.03 * now_losses
        now = time.monotonic()
        spent, before = spent + now - before, now
        if rank == 0:
            if step % 20 == 0:
                line = (f'step {step} minutes {spent / 60:.1f} '
                        f'parsing {running[0]:.4f} people {running[1]:.4f} names {running[2]:.4f} '
                        f'norm {norm:.2f} rate {optimizer.param_groups[0]["lr"]:.2e} '
                        f'learning {len(parameters)} waited {waited / max(now - started, 1e-6):.2f}')
                with open(args.run / 'log.txt', 'a') as log:
                    print(line, file=log)
            if not args.measure and now - last_save > CHECKPOINT_SECONDS:
                save()
                last_save = now
    batches.end()
    if rank == 0 and args.measure:
        took = time.monotonic() - measured_from
        steps = args.measure - UNMEASURED_STEPS
        print(f'{steps} steps of {args.batch} crops in {took:.2f} s: {steps * args.batch / took:.1f} crops a '
              f'second, {100 * waited / took:.0f} % of the time waiting for crops')
    elif rank == 0:
        save()


# Without these glibc hands every large tensor back to the kernel and faults it in again, in small pages:
# a third of the time.
MALLOC = {'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': '100000000000', 'MALLOC_TOP_PAD_': '268435456',
          'GLIBC_TUNABLES': 'glibc.malloc.hugetlb=1'}


def folder_and_share(text):
    folder, _, share = text.rpartition('=')
    return Path(folder), float(share)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('packed', type=Path)
    parser.add_argument('movenet', type=Path)
    parser.add_argument('efficientnet', type=Path)
    parser.add_argument('run', type=Path)
    parser.add_argument('--tagged', type=Path, help='packed photographs with labels of pseudo_labels.py')
    parser.add_argument('--wild', type=folder_and_share, action='append', default=[],
                        help='packed photographs and how often one of them is taken, 0 to 1')
    parser.add_argument('--start', type=Path, help='checkpoint whose weights are the first')
    parser.add_argument('--minutes', type=float, default=70)
    parser.add_argument('--rate', type=float, default=1, help='factor of all learning rates')
    parser.add_argument('--seed', type=int, default=SEED, help='of the crops')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--processes', type=int, help='2 on the CPU, 1 on a GPU if left out')
    parser.add_argument('--workers', type=int, default=0, help='processes that make crops, for each process')
    parser.add_argument('--batch', type=int, default=8, help='crops a process and step')
    parser.add_argument('--compile', action='store_true', help='torch.compile the network')
    parser.add_argument('--measure', type=int, default=0, metavar='STEPS', help='some steps; how fast')
    parser.add_argument('--port', type=int, default=29517)
    parser.add_argument('--resume', action='store_true')
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    args.processes = args.processes or (2 if args.device == 'cpu' else 1)
    if not os.environ.keys() >= MALLOC.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)
    if args.processes == 1:
        work(0, args)
    else:
        mp.spawn(work, (args,), args.processes)


if __name__ == '__main__':
    main()
