"""Tests of the labels of ordinary photographs, without torch: python -m unittest discover models/training"""
import unittest

import numpy as np

from bodypix_names import PARTS, mirrored_parts, region_of
from label_codes import CIHP, CLASS, CODE, IGNORE, either
from pack_wild import never_trained
from packing import UNKNOWN_PERSON, single_person, unit_of
from wild_labels import classes_of, sided, who_is_there, with_tissue
from wild_people import UNKNOWN, clusters, groups, person_ids, single_boxes, within


def own(**shares):
    """Our own probabilities [20, 1, 1] of the named classes."""
    p = np.zeros((len(CIHP), 1, 1), np.float32)
    for name, share in shares.items():
        p[CLASS[name.replace('_', '-')]] = share
    return p


def parts(**logits):
    """BodyPix' logits [24, 1, 1], -5 where nothing is said."""
    values = np.full((len(PARTS), 1, 1), -5, np.float32)
    for name, value in logits.items():
        values[PARTS.index(name.replace('_', '-'))] = value
    return values


SEEN = np.ones((1, 1), np.float32)


class Parts(unittest.TestCase):
    def test_the_mirror_of_the_mirror(self):
        swap = mirrored_parts()
        self.assertEqual([swap[k] for k in swap], list(range(len(PARTS))))
        self.assertEqual(PARTS[swap[PARTS.index('left-upper-leg-back')]], 'right-upper-leg-back')
        self.assertEqual(swap[PARTS.index('torso-back')], PARTS.index('torso-back'))

    def test_regions(self):
        self.assertEqual(region_of('right-face'), 'head')
        self.assertEqual(region_of('left-upper-arm-front'), 'upper-arm')
        self.assertEqual(region_of('torso-back'), 'torso')


class Classes(unittest.TestCase):
    def of(self, shares, logits, person=SEEN):
        return int(classes_of(own(**shares), parts(**logits), person)[0, 0])

    def test_what_fits_the_part_stays(self):
        self.assertEqual(self.of({'pants': 0.9, 'coat': 0.1}, {'left_upper_leg_front': 5}), CLASS['pants'])

    def test_arms_are_not_seen_on_legs(self):
        code = self.of({'left_arm': 0.9, 'pants': 0.1}, {'left_upper_leg_front': 5})
        self.assertEqual(code, CODE['on-leg'])

    def test_a_part_that_is_not_certain_proves_nothing(self):
        both = {'left_upper_leg_front': 5, 'left_lower_arm_front': 4.5}
        code = self.of({'left_arm': 0.9, 'pants': 0.1}, both)
        self.assertEqual(code, CLASS['left-arm'])
        self.assertEqual(self.of({'left_arm': 0.9, 'pants': 0.1}, {'left_upper_leg_front': 5}, -5 * SEEN),
                         CLASS['left-arm'])

    def test_two_garments_of_which_either_is_likely(self):
        self.assertEqual(self.of({'coat': 0.5, 'upper_clothes': 0.4}, {'torso_front': 5}),
                         either(CLASS['coat'], CLASS['upper-clothes']))
        self.assertEqual(self.of({'coat': 0.4, 'upper_clothes': 0.3, 'dress': 0.3}, {'torso_front': 5}),
                         CODE['garment'])

    def test_glasses_may_be_on_a_face(self):
        self.assertEqual(self.of({'face': 0.85, 'sunglasses': 0.15}, {'left_face': 5}),
                         either(CLASS['face'], CLASS['sunglasses']))


class Sides(unittest.TestCase):
    def of(self, shares, logits):
        code = np.full((1, 1), CLASS['left-arm'], np.uint8)
        return int(sided(code, own(**shares), parts(**logits))[0, 0])

    def test_bodypix_alone_where_it_is_sure(self):
        self.assertEqual(self.of({'left_arm': 0.9}, {'right_hand': 3, 'left_hand': 0}), CLASS['right-arm'])

    def test_both_where_it_is_less_so_else_either(self):
        self.assertEqual(self.of({'left_arm': 0.9}, {'right_hand': 0.0, 'left_hand': 0.7}), CLASS['left-arm'])
        self.assertEqual(self.of({'left_arm': 0.9}, {'right_hand': 0.7, 'left_hand': 0.0}), CODE['arm'])
        self.assertEqual(self.of({'left_arm': 0.9}, {'right_hand': 0.1, 'left_hand': 0.0}), CODE['arm'])


class Heads(unittest.TestCase):
    def test_hair_against_face(self):
        codes = np.array([[CLASS['face'], CODE['on-head'], CLASS['hat'], CLASS['coat']]], np.uint8)
        hair = np.zeros((3, 1, 4), np.float32)
        hair[2] = 1
        result = with_tissue(codes, hair, np.ones((1, 4), bool))[0].tolist()
        self.assertEqual(result, [either(CLASS['face'], CLASS['hair']), CLASS['hair'],
                                  either(CLASS['hat'], CLASS['hair']), CLASS['coat']])
        np.testing.assert_array_equal(with_tissue(codes, 0 * hair, np.ones((1, 4), bool)), codes)


class Somebody(unittest.TestCase):
    def of(self, score, background, boxed=None, bodypix=0.0):
        """The state far from anybody that both see."""
        score, bodypix, background = (np.full((3, 3), v, np.float32) for v in (score, bodypix, background))
        boxed = None if boxed is None else np.full((3, 3), boxed)
        return int(who_is_there(score, bodypix, background, boxed)[1, 1])

    def test_agreement(self):
        self.assertEqual(self.of(3, 0.1), 1)
        self.assertEqual(self.of(-4, 0.9), 0)
        self.assertEqual(self.of(-4, 0.5), IGNORE)

    def test_who_was_overlooked_is_somebody_where_a_box_allows_it(self):
        self.assertEqual(self.of(3, 0.9), 1)
        self.assertEqual(self.of(3, 0.9, boxed=True), 1)
        self.assertEqual(self.of(3, 0.9, boxed=False), IGNORE)

    def test_who_was_imagined_is_nobody_where_no_box_is(self):
        self.assertEqual(self.of(-4, 0.1), 0)
        self.assertEqual(self.of(-4, 0.1, boxed=True), IGNORE)
        self.assertEqual(self.of(-4, 0.1, bodypix=2.0), IGNORE)


class People(unittest.TestCase):
    SHAPE = 20, 40

    def two(self):
        """Two people side by side, and what our own network says of them: middles, votes."""
        mask = np.zeros(self.SHAPE, bool)
        mask[2:18, 4:16] = mask[2:18, 24:36] = True
        middles = np.zeros(self.SHAPE, np.float32)
        middles[10, 10] = middles[10, 30] = 0.9
        ys, xs = np.mgrid[:20, :40]
        votes = 4.0 * np.stack([np.where(xs < 20, 10, 30) - xs, 10 - ys])
        return mask, middles, votes

    def test_without_boxes_votes_decide(self):
        mask, middles, votes = self.two()
        ids = person_ids(mask, np.zeros((0, 4)), middles, votes, mask, np.zeros_like(mask))
        self.assertEqual(set(np.unique(ids[mask])), {1, 2})
        self.assertEqual((len(np.unique(ids[:, :20])), ids[~mask].any()), (2, False))

    def test_a_box_holds_one_person_whatever_the_votes(self):
        mask, middles, votes = self.two()
        boxes = np.array([[0, 0, 160, 80.0]])
        ids = person_ids(mask, boxes, middles, votes, mask, np.zeros_like(mask))
        self.assertEqual(np.unique(ids[mask]).tolist(), [1])

    def test_a_box_of_two_heads_is_a_groups(self):
        mask, middles, votes = self.two()
        heads = np.zeros_like(mask)
        heads[2:6, 8:12] = heads[2:6, 28:32] = True
        boxes = np.array([[0, 0, 160, 80.0]])
        self.assertEqual(groups(within(boxes, self.SHAPE), heads).tolist(), [True])
        self.assertEqual(len(np.unique(person_ids(mask, boxes, middles, votes, mask, heads)[mask])), 2)
        both = np.array([[0, 0, 80, 80.0], [80, 0, 160, 80]])
        self.assertEqual(groups(within(both, self.SHAPE), heads).tolist(), [False, False])

    def test_where_boxes_overlap_and_votes_differ_nobody_knows(self):
        mask, middles, votes = self.two()
        boxes = np.array([[0, 0, 120, 80.0], [90, 0, 160, 80]])
        ids = person_ids(mask, boxes, middles, votes, mask, np.zeros_like(mask))
        self.assertNotEqual(ids[10, 10], ids[10, 34])
        self.assertEqual(ids[10, 34], ids[10, 25])
        # This vote ends nearer to the second middle, but well within the first box.
        votes[0, :, 26] = 4.0 * (21 - 26)
        ids = person_ids(mask, boxes, middles, votes, mask, np.zeros_like(mask))
        self.assertEqual(ids[10, 26], UNKNOWN)

    def test_where_our_own_network_saw_nobody_its_votes_are_not_taken(self):
        mask, middles, votes = self.two()
        ids = person_ids(mask, np.zeros((0, 4)), middles, votes, np.zeros_like(mask), np.zeros_like(mask))
        self.assertEqual(np.unique(ids[mask]).tolist(), [UNKNOWN])

    def test_a_box_of_two_boxes_goes(self):
        boxes = np.array([[0, 0, 100, 50], [0, 0, 45, 50], [50, 0, 100, 50.0]])
        self.assertEqual(single_boxes(boxes).tolist(), boxes[1:].tolist())

    def test_nobody_is_in_no_cluster(self):
        mask, middles, votes = self.two()
        self.assertEqual(clusters(mask, 0 * middles, votes)[0].max(), -1)


class Packs(unittest.TestCase):
    def test_what_is_measured_on_is_never_packed(self):
        kept = never_trained()
        self.assertIn('4288701eb6e6628c', kept)
        self.assertGreaterEqual(len(kept), 109)
        self.assertFalse([name for name in kept if ' ' in name or not name])

    def test_people_of_a_photograph_of_one(self):
        codes = np.array([[0, CLASS['face'], CODE['somebody'], IGNORE]], np.uint8)
        self.assertEqual(single_person(codes).tolist(), [[0, 1, 1, 0]])

    def test_photos_are_seen_as_large_as_the_programs_passes(self):
        self.assertEqual(unit_of(550, 825), 1)
        self.assertAlmostEqual(unit_of(704, 275), 2)
        self.assertEqual(UNKNOWN_PERSON, UNKNOWN)


if __name__ == '__main__':
    unittest.main()
