"""Tests of the comparison with ModelScope: python -m unittest discover models/evaluation"""
import base64
import io
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from compare_m2fp import matched, read_answer, read_reference
from PIL import Image

GOLDEN = Path(__file__).parents[2] / 'tests/m2fp'


def as_answer(reference, path):
    """Writes instances as the program does."""
    masks = []
    for _, _, mask in reference:
        file = io.BytesIO()
        Image.fromarray(np.uint8(mask) * 255).save(file, 'PNG')
        masks.append(base64.b64encode(file.getvalue()).decode())
    labels, scores, _ = zip(*reference, strict=True)
    path.write_text(json.dumps({'masks': masks, 'labels': labels, 'scores': scores}))


class Golden(unittest.TestCase):
    def test_results_are_those_of_a_parsing(self):
        for name in ('multi', 'single'):
            reference = read_reference(GOLDEN / name)
            labels = [label for label, _, _ in reference]
            self.assertEqual('Human' in labels, name == 'multi')
            for _, score, mask in reference:
                self.assertEqual(mask.shape, (120, 150))
                self.assertTrue(0.1 <= score <= 1 and mask.any())
            covered = np.sum([mask for _, _, mask in reference], 0)
            # Segments of single make a label map, those of multi overlap.
            self.assertEqual(covered.min() == covered.max() == 1, name == 'single')

    def test_logits_have_the_shapes_of_the_input(self):
        for name, classes in (('multi', 22), ('single', 21)):
            folder = GOLDEN / name
            width, height = Image.open(folder / 'input.png').size
            shapes = [np.load(folder / f'{part}_logits.npy').shape for part in ('class', 'mask')]
            padded = [-(-side // 32) * 8 for side in (height, width)]
            self.assertEqual(shapes, [(100, classes), (100, *padded)])


class Matched(unittest.TestCase):
    def test_the_same_in_another_order(self):
        reference = read_reference(GOLDEN / 'multi')
        with tempfile.TemporaryDirectory() as folder:
            as_answer(reference[::-1], Path(folder) / 'answer.json')
            answer = read_answer(Path(folder) / 'answer.json')
        np.testing.assert_array_equal(matched(answer, reference), [(0, 1)] * len(reference))

    def test_what_differs_is_measured(self):
        mask = np.array([[True, True, False, False]])
        other = np.array([[False, True, False, False]])
        reference = [('Hat', 0.5, mask), ('Face', 0.5, mask), ('Hat', 0.25, other)]
        answer = [('Hat', 0.75, other), ('Hat', 0.5, mask)]
        np.testing.assert_array_equal(matched(answer, reference), [(0, 1), (np.nan, np.nan), (0.5, 1)])
        np.testing.assert_array_equal(matched(answer[:1], reference[:1]), [(0.25, 0.5)])


if __name__ == '__main__':
    unittest.main()
