"""Tests of the hand-made truth: python -m unittest discover tests/truth"""
import unittest

import make_collage
import numpy as np
import rasterise


class Polygons(unittest.TestCase):
    def test_a_pixel_belongs_to_the_polygon_that_holds_its_centre(self):
        square = np.array([(1, 1), (3, 1), (3, 2.6), (1, 2.6)], float)
        expected = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
        np.testing.assert_array_equal(rasterise.inside(square, 4, 4), np.array(expected, bool))

    def test_later_polygons_are_on_top(self):
        def polygon(name, person, right):
            return {'class': name, 'person': person, 'points': [(0, 0), (right, 0), (right, 1), (0, 1)]}

        polygons = [polygon('coat', 1, 3), polygon('ignore', 1, 2), polygon('background', 0, 1)]
        labels, people = rasterise.draw({'width': 4, 'height': 1, 'polygons': polygons})
        self.assertEqual(labels.tolist(), [[0, 255, rasterise.CLASS['coat'], 0]])
        self.assertEqual(people.tolist(), [[0, 1, 1, 0]])


class Truths(unittest.TestCase):
    def test_each_has_its_photograph_and_one_person(self):
        truths = rasterise.all_truths()
        self.assertEqual(len(truths), 5)
        for stem, truth in truths.items():
            with self.subTest(stem):
                self.assertEqual(rasterise.photo_of(truth).size, (truth['width'], truth['height']))
                labels, people = rasterise.draw(truth)
                np.testing.assert_array_equal(labels > 0, people == 1)

    def test_the_collage_shows_everybody(self):
        picture, labels, people = make_collage.compose()
        self.assertEqual(picture.shape[:2], labels.shape)
        self.assertGreater(np.bincount(people.ravel())[1:5].min(), 50_000)
        np.testing.assert_array_equal(labels > 0, people > 0)


if __name__ == '__main__':
    unittest.main()
