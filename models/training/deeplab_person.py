"""How much more a pixel looks like a person than like anything else, by DeepLab v3 with MobileNetV2.

Pascal VOC's 21 classes (Google, Apache-2.0; 8 bit, run by ai-edge-litert). A teacher: nothing of it is in
the model. It keeps animals, toys and rooms clean, but takes lone clothes and statues for people.
"""
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from resampling import centres, resized, sampled

SIDE, CELL = 513, 16
GREY = 127
PERSON = 15
LOGITS, ZERO, UNIT = 'logits/semantic/BiasAdd', 36, 0.20150
LARGEST = 720      # the longer side of the second, larger look


def tiles(length):
    """Offsets of windows of SIDE pixels that cover `length`."""
    count = 1 if length <= SIDE else 2
    return [round(i * (length - SIDE)) for i in range(count)]


class PersonMargin:
    """Callable: photo uint8 [H, W, 3], step -> float32 [H/step, W/step].

    The logit of a person less the largest other one: mean of two sizes, each plain and mirrored.
    """

    def __init__(self, path):
        self.interpreter = Interpreter(
            str(path), num_threads=1, experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]['index']
        self.logits, = (tensor['index'] for tensor in self.interpreter.get_tensor_details()
                        if tensor['name'].startswith(LOGITS) and len(tensor['shape']) == 4)

    def window(self, photo):
        """float32 [33, 33] of uint8 [513, 513, 3]."""
        self.interpreter.set_tensor(self.input, photo[None])
        self.interpreter.invoke()
        logits = (self.interpreter.get_tensor(self.logits)[0].astype(np.float32) - ZERO) * UNIT
        return logits[..., PERSON] - np.delete(logits, PERSON, 2).max(2)

    def look(self, photo, scale, step):
        """The margin at one size, [H/step, W/step]."""
        height, width = photo.shape[:2]
        h, w = (max(1, round(side * scale)) for side in (height, width))
        small = resized(photo, w, h)
        rows = centres(-(-height // step), step) * h / height - 0.5
        columns = centres(-(-width // step), step) * w / width - 0.5
        total, weight = np.zeros((len(rows), len(columns)), np.float32), 1e-6
        for top in tiles(h):
            for left in tiles(w):
                part = small[top:top + SIDE, left:left + SIDE]
                padded = np.full((SIDE, SIDE, 3), GREY, np.uint8)
                padded[:part.shape[0], :part.shape[1]] = part
                margin = sampled(self.window(padded)[None], (rows - top) / CELL, (columns - left) / CELL)[0]
                # Where windows overlap, the one whose middle is nearer counts more.
                near = np.minimum.outer(
                    *(np.clip(SIDE / 2 - np.abs(place - start - (SIDE - 1) / 2), 0, None) / SIDE
                      for place, start in ((rows, top), (columns, left)))).astype(np.float32)
                total, weight = total + near * margin, weight + near
        return total / weight

    def __call__(self, photo, step):
        longer, shorter = max(photo.shape[:2]), min(photo.shape[:2])
        scales = [SIDE / longer]
        second = min(LARGEST / longer, SIDE / shorter)
        if second > 1.1 * scales[0]:
            scales.append(second)
        looks = []
        for scale in scales:
            looks.append(self.look(photo, scale, step))
            looks.append(self.look(np.ascontiguousarray(photo[:, ::-1]), scale, step)[:, ::-1])
        if photo.shape[1] % step:     # the mirrored grid is off by less than a cell
            looks = looks[::2]
        return np.mean(looks, 0)
