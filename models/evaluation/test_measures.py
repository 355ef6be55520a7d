"""Tests of the measures on tiny maps: python -m unittest discover models/evaluation"""
import unittest

import numpy as np
from halves import half_of, in_half
from measures import (
    agreement,
    class_iou,
    confusion,
    found_people,
    person_iou,
    person_pixels,
    sides,
    unmirrored,
)

from label_codes import CLASS

LEFT, RIGHT = CLASS['left-arm'], CLASS['right-arm']


def row(*values):
    return np.array([values], np.uint8)


class Halves(unittest.TestCase):
    def test_a_photograph_stays_in_its_half(self):
        self.assertEqual([half_of(name) for name in ('0004', '4288701eb6e6628c')], ['choose', 'choose'])
        names = [f'{number:04}' for number in range(1000)]
        parts = [in_half(names, half) for half in ('choose', 'report')]
        self.assertEqual(sorted(sum(parts, [])), names)
        self.assertLess(abs(len(parts[0]) - 500), 60)
        self.assertEqual(in_half(names, None), names)


class FoundPeople(unittest.TestCase):
    def test_half_of_the_union_is_enough(self):
        truth = row(1, 1, 1, 1, 0, 0, 0, 0, 2, 2)
        self.assertEqual(found_people(truth, row(5, 5, 0, 0, 0, 0, 0, 0, 7, 7)), (2, 2))
        self.assertEqual(found_people(truth, row(5, 0, 0, 0, 0, 0, 0, 0, 5, 5)), (1, 2))
        self.assertEqual(found_people(truth, row(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), (0, 2))

    def test_what_nobody_knows_does_not_count(self):
        truth = row(1, 1, 255, 255, 255, 255)
        self.assertEqual(found_people(truth, row(5, 5, 5, 5, 5, 5)), (1, 1))

    def test_small_people_are_left_out(self):
        truth = np.zeros((10, 10), np.uint8)
        truth[0, 0] = 1
        self.assertEqual(found_people(truth, truth), (0, 0))


class ClassIou(unittest.TestCase):
    def test_counts_by_hand(self):
        pixels = confusion(row(0, 0, 1, 1), row(0, 1, 1, 1), 2)
        np.testing.assert_array_equal(pixels, [[1, 1], [0, 2]])
        np.testing.assert_allclose(class_iou(pixels), [1 / 2, 2 / 3])
        self.assertAlmostEqual(person_iou(pixels), 2 / 3)

    def test_unknown_truth_is_left_out(self):
        np.testing.assert_array_equal(confusion(row(255, 20, 1), row(0, 0, 1)).sum(), 1)

    def test_a_class_without_truth_has_no_iou(self):
        iou = class_iou(confusion(row(0, 0), row(0, 3)))
        self.assertEqual(iou[0], 0.5)
        self.assertTrue(np.isnan(iou[1:]).all())

    def test_another_class_of_person_is_still_person(self):
        self.assertEqual(person_iou(confusion(row(0, 5), row(0, 7))), 1)


class Sides(unittest.TestCase):
    def test_only_pixels_found_as_the_limb_have_a_side(self):
        arm, leg, shoe = sides(row(LEFT, LEFT, RIGHT, RIGHT, 0), row(LEFT, RIGHT, RIGHT, 5, LEFT))
        self.assertEqual(arm.tolist(), [4, 3, 2])
        self.assertEqual(leg.tolist(), [0, 0, 0])
        self.assertEqual(shoe.tolist(), [0, 0, 0])


class PersonPixels(unittest.TestCase):
    def test_the_numbers_do_not_matter(self):
        self.assertEqual(person_pixels(row(0, 1, 1, 2), row(0, 9, 9, 4)), (3, 0, 0))

    def test_one_person_for_two_counts_once(self):
        self.assertEqual(person_pixels(row(1, 1, 1, 2, 2), row(7, 7, 7, 7, 7)), (3, 2, 0))

    def test_pairs_are_chosen_together(self):
        # 8 shares most with 1, but 1 has another partner and 2 has not.
        self.assertEqual(person_pixels(row(1, 1, 1, 1, 1, 2, 2), row(8, 8, 8, 9, 9, 8, 8)), (4, 3, 0))

    def test_missed_people_and_people_beside(self):
        self.assertEqual(person_pixels(row(1, 1, 2, 0), row(3, 0, 0, 5)), (1, 0, 2))
        self.assertEqual(person_pixels(row(1, 2), row(0, 0)), (0, 0, 2))
        self.assertEqual(person_pixels(row(0, 0), row(1, 0)), (0, 0, 0))


class Flip(unittest.TestCase):
    def test_left_and_right_change_places(self):
        np.testing.assert_array_equal(unmirrored(row(0, LEFT, 5)), row(5, RIGHT, 0))

    def test_agreement_is_over_person_in_either(self):
        self.assertEqual(agreement(row(0, 0, 5, 5), row(0, 7, 5, 0)), (1, 3))


if __name__ == '__main__':
    unittest.main()
