"""Which limb a skin or shoe pixel belongs to, decided by body landmarks.

Landmarks are MediaPipe Pose's 33 points [x, y, visibility] in photo pixels; left/right are the person's own.
Every limb is a chain of bones; a pixel's distance to a bone is measured in radii of that limb, so that a
thick thigh reaches farther than a thin forearm. Where two limbs are about as near, the pixel gets a set code.
"""
import numpy as np
from scipy import ndimage

from label_codes import CLASS, CODE

NOSE, MOUTH, EYES = 0, (9, 10), (2, 5)
SHOULDER, ELBOW, WRIST, PINKY, INDEX = (11, 12), (13, 14), (15, 16), (17, 18), (19, 20)
HIP, KNEE, ANKLE, HEEL, TOE = (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)
SIDES = ('left', 'right')

# Radii as fractions of the torso's length (middle of the shoulders to middle of the hips).
UPPER_ARM, FOREARM, HAND, THIGH, CALF, NECK = 0.15, 0.13, 0.16, 0.24, 0.17, 0.16
# A chest pixel counts as this near to the trunk, so that only a limb's core in front of it wins.
CHEST_DISTANCE = 0.7
FAR = 2.5            # radii; beyond this a pixel may be anyone's
DOUBT = 1.25         # second-best distance / best distance below this: undecided
COMPONENT_SHARE = 0.9


def bone_distance(points, start, end):
    """Distance of points [N, 2] to the segment start-end, in pixels."""
    along = end - start
    length = max(float(along @ along), 1e-6)
    t = np.clip((points - start) @ along / length, 0, 1)
    return np.linalg.norm(points - (start + t[:, None] * along), axis=1)


def inside(points, polygon):
    """Whether points [N, 2] lie in the polygon [M, 2] (even-odd rule)."""
    result = np.zeros(len(points), bool)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if y0 != y1:
            result ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return result


class Body:
    """Landmarks of one person with the measures that the split needs."""

    def __init__(self, landmarks, face):
        self.at = landmarks[:, :2].astype(np.float64)
        self.visibility = landmarks[:, 2]
        self.face = face.astype(np.float64)
        self.shoulders = self.at[list(SHOULDER)].mean(0)
        self.hips = self.at[list(HIP)].mean(0)
        self.torso = np.linalg.norm(self.hips - self.shoulders)

    def usable(self):
        return self.torso > 20 and self.visibility[list(SHOULDER) + list(HIP)].min() > 0.3

    def chin(self):
        """Chin point and the face's downward direction (unit), from the mesh or else from eyes and mouth."""
        eyes, mouth = self.at[list(EYES)].mean(0), self.at[list(MOUTH)].mean(0)
        if len(self.face):
            forehead, chin = self.face[0], self.face[18]
            return chin, (chin - forehead) / max(np.linalg.norm(chin - forehead), 1e-6)
        down = mouth - eyes
        return mouth + 0.65 * down, down / max(np.linalg.norm(down), 1e-6)

    def limb_distances(self, points):
        """Distances [N, 6] in radii: face, trunk, left arm, right arm, left leg, right leg."""
        t, at = self.torso, self.at
        chin, down = self.chin()
        below_chin = (points - chin) @ down / t
        to_head = np.linalg.norm(points - at[:11].mean(0), axis=1) / t
        face = np.where((below_chin < 0) & (to_head < 0.55), 0.3, 0.3 + np.maximum(below_chin, 0) / 0.03)
        face = np.where(to_head < 0.55, face, np.inf)
        inset = 0.14 * (at[SHOULDER[1]] - at[SHOULDER[0]])
        chest = np.stack([at[SHOULDER[0]] + inset, at[SHOULDER[1]] - inset, at[HIP[1]], at[HIP[0]]])
        neck = bone_distance(points, self.shoulders, chin) / (NECK * t)
        neck = np.where(below_chin > 0, np.minimum(neck, 0.3 + to_head), neck + 0.3 - below_chin / 0.03)
        trunk = np.where(inside(points, chest), CHEST_DISTANCE, neck)
        distances = [face, trunk]
        for side in range(2):
            shoulder, elbow, wrist = at[SHOULDER[side]], at[ELBOW[side]], at[WRIST[side]]
            knuckles = (at[PINKY[side]] + at[INDEX[side]]) / 2
            finger_tips = wrist + 1.9 * (knuckles - wrist)
            hand_and_forearm = np.minimum(bone_distance(points, elbow, wrist) / (FOREARM * t),
                                          bone_distance(points, wrist, finger_tips) / (HAND * t))
            # Forearms pass in front of the trunk, bare bellies are rare: the nearer wins outright.
            hand_and_forearm = np.where(hand_and_forearm < 0.9, 0.5 * hand_and_forearm, hand_and_forearm)
            distances.append(np.minimum(bone_distance(points, shoulder, elbow) / (UPPER_ARM * t),
                                        hand_and_forearm))
        for side in range(2):
            hip, knee, ankle, toe = (at[p[side]] for p in (HIP, KNEE, ANKLE, TOE))
            distances.append(np.minimum.reduce([bone_distance(points, hip, knee) / (THIGH * t),
                                                bone_distance(points, knee, ankle) / (CALF * t),
                                                bone_distance(points, ankle, toe) / (CALF * t)]))
        return np.stack(distances, 1)


LIMBS = [CLASS[name] for name in ('face', 'torso-skin', 'left-arm', 'right-arm', 'left-leg', 'right-leg')]


def doubt_code(first, second):
    """The set that holds both classes and as few others as possible."""
    pair = {first, second}
    if pair == {CLASS['face'], CLASS['torso-skin']}:
        return CODE['neck']
    arms = {CLASS['left-arm'], CLASS['right-arm']}
    if pair <= arms:
        return CODE['arm']
    if pair <= arms | {CLASS['torso-skin']}:
        return CODE['trunk-or-arm']
    if pair == {CLASS['left-leg'], CLASS['right-leg']}:
        return CODE['leg']
    return CODE['skin']


DOUBT_CODES = np.array([[doubt_code(a, b) for b in LIMBS] for a in LIMBS], np.uint8)


def split_skin(skin, body):
    """uint8 [N] codes of the skin pixels of bool [H, W] `skin`, in the order of np.nonzero."""
    ys, xs = np.nonzero(skin)
    points = np.stack([xs, ys], 1).astype(np.float64)
    distances = body.limb_distances(points)
    order = np.argsort(distances, 1)
    best = np.take_along_axis(distances, order[:, :1], 1)[:, 0]
    second = np.take_along_axis(distances, order[:, 1:2], 1)[:, 0]
    codes = np.array(LIMBS, np.uint8)[order[:, 0]]
    doubtful = second < DOUBT * best
    codes[doubtful] = DOUBT_CODES[order[doubtful, 0], order[doubtful, 1]]
    codes[best > FAR] = CODE['skin']
    # A patch of skin that is nearly all one arm or one leg is that limb altogether.
    components, count = ndimage.label(skin)
    of_pixel = components[ys, xs]
    for component in range(1, count + 1):
        members = of_pixel == component
        share = np.bincount(codes[members], minlength=32) / members.sum()
        winner = int(share[LIMBS[2:]].argmax()) + 2
        known = share[LIMBS].sum()
        if known > 0.4 and share[LIMBS[winner]] > COMPONENT_SHARE * known:
            codes[members] = LIMBS[winner]
    return codes


def split_shoes(shoes, body):
    """uint8 [N] codes of the pixels of bool [H, W] `shoes`: left, right or either."""
    ys, xs = np.nonzero(shoes)
    points = np.stack([xs, ys], 1).astype(np.float64)
    distances = []
    for side in range(2):
        knee, ankle, heel, toe = (body.at[p[side]] for p in (KNEE, ANKLE, HEEL, TOE))
        shin = ankle + 0.5 * (knee - ankle)     # boots
        distances.append(np.minimum.reduce([bone_distance(points, *bone) for bone in
                                            ((shin, ankle), (ankle, heel), (heel, toe), (ankle, toe))]))
    left, right = distances
    floor = 0.03 * body.torso
    codes = np.full(len(xs), CODE['shoe'], np.uint8)
    codes[(left + floor) * DOUBT < right + floor] = CLASS['left-shoe']
    codes[(right + floor) * DOUBT < left + floor] = CLASS['right-shoe']
    codes[np.minimum(left, right) > 0.6 * body.torso] = CODE['shoe']
    components, count = ndimage.label(shoes)
    of_pixel = components[ys, xs]
    for component in range(1, count + 1):
        members = of_pixel == component
        share = [float((codes[members] == CLASS[f'{side}-shoe']).mean()) for side in SIDES]
        for mine, other, side in ((share[0], share[1], 'left'), (share[1], share[0], 'right')):
            if mine > 0.5 and other < 0.08:
                codes[members] = CLASS[f'{side}-shoe']
    return codes


def split_suit(suit, body):
    """uint8 [N] codes of a two-piece suit: coat above the hips, pants below, either in between."""
    ys, xs = np.nonzero(suit)
    down = (body.hips - body.shoulders) / body.torso
    below_hips = (np.stack([xs, ys], 1) - body.hips) @ down / body.torso
    codes = np.full(len(xs), CODE['suit'], np.uint8)
    codes[below_hips < 0.0] = CLASS['coat']
    codes[below_hips > 0.4] = CLASS['pants']
    return codes
