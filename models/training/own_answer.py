"""What an exported model of ours finds in a photo: classes, people's middles and votes for them."""
import numpy as np
import onnxruntime

from label_codes import CIHP, mirror_table
from resampling import centres, resized, sampled

MULTIPLE = 64
LONGEST = 704 / 384    # of the shorter side, as the card's settings have it


class OwnAnswer:
    """Callable: photo uint8 [H, W, 3], short sides -> class probabilities float32 [20, (H+1)/2, (W+1)/2];
    at 1/4 centres [1, h, w] and, in photo pixels x and y, ways to the middle of a pixel's person [2, h, w].

    Mean over the sizes, each plain and mirrored.
    """

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        self.input = self.session.get_inputs()[0].name
        self.swap = mirror_table()[:len(CIHP)].astype(np.int64)

    def look(self, photo, scale):
        """Logits, centres and offsets (in photo pixels) of one pass, on the photo's grids."""
        height, width = photo.shape[:2]
        h, w = (max(1, round(side * scale)) for side in (height, width))
        x = resized(photo, w, h).astype(np.float32) / 127.5 - 1
        x = np.pad(x, ((0, -h % MULTIPLE), (0, -w % MULTIPLE), (0, 0)))
        answers = dict(zip((o.name for o in self.session.get_outputs()),
                           self.session.run(None, {self.input: x.transpose(2, 0, 1)[None]}), strict=True))

        def at(name, cell, step):
            rows, columns = (centres(-(-side // step), step) * net / side / cell - 0.5
                             for side, net in ((height, h), (width, w)))
            return sampled(answers[name][0], rows, columns)

        offsets = at('offsets', 4, 4) * np.float32([width / w, height / h])[:, None, None]
        return at('logits', 2, 2), at('centers', 4, 4), offsets

    def __call__(self, photo, shorts):
        longer, shorter = max(photo.shape[:2]), min(photo.shape[:2])
        totals = None
        for short in shorts:
            scale = min(short / shorter, short * LONGEST / longer)
            plain = self.look(photo, scale)
            logits, middles, offsets = self.look(np.ascontiguousarray(photo[:, ::-1]), scale)
            offsets[0] *= -1
            mirrored = logits[self.swap][..., ::-1], middles[..., ::-1], offsets[..., ::-1]
            sums = [a + b for a, b in zip(plain, mirrored, strict=True)]
            totals = sums if totals is None else [a + b for a, b in zip(totals, sums, strict=True)]
        logits, middles, offsets = (total / (2 * len(shorts)) for total in totals)
        p = np.exp(logits - logits.max(0))
        return p / p.sum(0), middles, offsets
