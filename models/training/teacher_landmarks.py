#!/usr/bin/env python3
"""Body landmarks, face outline and person mask of every photograph, from MediaPipe.

usage: teacher_landmarks.py DATA_DIR IDS OUT_DIR

Runs in an environment of its own (requirements-teacher.txt: MediaPipe 0.10.14 wants numpy < 2).
Writes OUT_DIR/<id>.npz and skips what is already there, so that it may be stopped and started again:
  body  float32 [33, 3]  x, y in photo pixels and visibility 0..1; left/right are the person's own
  face  float32 [N, 2]   outline of the face in photo pixels, 36 points, or 0 points if none was found
  mask  uint8   [H, W]   255 x probability that the pixel is a person (any person)
"""
import argparse
from pathlib import Path

import mediapipe as mp
import numpy as np
from PIL import Image

# The face-oval ring of the MediaPipe face mesh, in order around the face.
FACE_OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
             152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
NO_BODY = np.zeros((33, 3), np.float32)


def body_landmarks(pose, photo):
    """[33, 3] of x, y (pixels) and visibility; all zero if nobody was found."""
    found = pose.process(photo).pose_landmarks
    if found is None:
        return NO_BODY
    height, width = photo.shape[:2]
    return np.array([[p.x * width, p.y * height, p.visibility] for p in found.landmark], np.float32)


def face_outline(face_mesh, photo, body):
    """The face oval, [36, 2] in pixels. The detector wants a large face, so it is shown the head alone."""
    if not body.any():
        return np.zeros((0, 2), np.float32)
    height, width = photo.shape[:2]
    head = body[:11, :2].mean(0)
    half = 1.1 * max(np.linalg.norm(body[0, :2] - body[11:13, :2].mean(0)), 12.0)
    left, top = (int(max(v - half, 0)) for v in head)
    right, bottom = int(min(head[0] + half, width)), int(min(head[1] + half, height))
    if right - left < 16 or bottom - top < 16:
        return np.zeros((0, 2), np.float32)
    crop = Image.fromarray(photo[top:bottom, left:right])
    crop = crop.resize((384, max(1, round(384 * (bottom - top) / (right - left)))), Image.BICUBIC)
    faces = face_mesh.process(np.asarray(crop)).multi_face_landmarks
    if not faces:
        return np.zeros((0, 2), np.float32)
    points = np.array([[faces[0].landmark[i].x, faces[0].landmark[i].y] for i in FACE_OVAL], np.float32)
    return points * [right - left, bottom - top] + [left, top]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pose = mp.solutions.pose.Pose(static_image_mode=True, model_complexity=1, min_detection_confidence=0.3)
    face_mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1,
                                                min_detection_confidence=0.3)
    selfie = mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
    for name in args.ids.read_text().split():
        target = args.out / f'{name}.npz'
        if target.exists():
            continue
        photo = np.asarray(Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB'))
        body = body_landmarks(pose, photo)
        mask = selfie.process(photo).segmentation_mask
        part = target.with_suffix('.part')
        with open(part, 'wb') as file:
            np.savez_compressed(file, body=body, face=face_outline(face_mesh, photo, body),
                                mask=(mask * 255).astype(np.uint8))
        part.rename(target)


if __name__ == '__main__':
    main()
