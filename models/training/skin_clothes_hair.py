"""Skin, clothes and hair around heads, by kairess/Skin-Clothes-Hair-Segmentation-using-SMP (MIT).

Sharp where one person is large in the picture, so it is shown heads and shoulders alone. A teacher for hair
against face and sleeve against skin: nothing of it is in the model.
"""
import cv2
import numpy as np
import onnxruntime

from resampling import resized

SIDE = 512
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
# Of a head's height: the side of the square shown. Smaller heads (photo pixels) are left alone.
SHOWN, SMALLEST_HEAD, MOST_HEADS = 3.2, 28, 4
NOT_SEEN = 0


def squares(heads, step, size):
    """x0, y0, x1, y1 (photo pixels) around the largest connected heads of bool [H/step, W/step]."""
    height, width = size
    count, _, stats, middles = cv2.connectedComponentsWithStats(heads.astype(np.uint8))
    found = []
    for number in sorted(range(1, count), key=lambda n: -stats[n, cv2.CC_STAT_AREA])[:MOST_HEADS]:
        side = step * np.sqrt(stats[number, cv2.CC_STAT_AREA]) * 1.15
        if side < SMALLEST_HEAD:
            break
        x, y = (middles[number] + 0.5) * step
        half = SHOWN * side / 2
        box = [x - half, y - 0.8 * half, x + half, y + 1.2 * half]
        found.append([int(np.clip(v, 0, limit)) for v, limit in zip(box, (width, height) * 2, strict=True)])
    return found


class SkinClothesHair:
    """Callable: photo uint8 [H, W, 3], heads bool [H/step, W/step], step -> uint8 [3, (H+1)/2, (W+1)/2].

    255 times the probability of skin, clothes and hair; all NOT_SEEN where it did not look.
    """

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        self.input = self.session.get_inputs()[0].name

    def __call__(self, photo, heads, step):
        height, width = photo.shape[:2]
        result = np.full((3, (height + 1) // 2, (width + 1) // 2), NOT_SEEN, np.uint8)
        for x0, y0, x1, y1 in reversed(squares(heads, step, (height, width))):
            x0, y0, x1, y1 = (v // 2 * 2 for v in (x0, y0, x1, y1))
            if min(x1 - x0, y1 - y0) < SMALLEST_HEAD:
                continue
            shown = (resized(photo[y0:y1, x0:x1], SIDE, SIDE).astype(np.float32) / 255 - MEAN) / DEVIATION
            answer = self.session.run(None, {self.input: shown.transpose(2, 0, 1)[None]})[0][0]
            for row, one in zip(result, answer, strict=True):
                row[y0 // 2:y1 // 2, x0 // 2:x1 // 2] = np.round(
                    255 * cv2.resize(one, ((x1 - x0) // 2, (y1 - y0) // 2), interpolation=cv2.INTER_AREA))
        return result
