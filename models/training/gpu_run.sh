#!/bin/sh
# A training run on one machine without network, from the files of pack_for_gpu.py.
#
# usage: gpu_run.sh ARCHIVES WORK OUT MINUTES
#
# Unpacks to WORK, measures 20 steps, trains MINUTES minutes from start.pt, scores start and end on the photographs
# to choose by, and leaves the weights (weight_parts.py), the checkpoint's log and scores in OUT. A run that was cut
# off goes on from WORK/run/last.pt. From the environment: DEVICE (cuda), WORKERS (14), BATCH (128), RATE (1.5),
# SEED (101), SHARES ("hand=0.22 wild=0.24 portraits=0.08 nobody=0.06": how often photographs of these are taken).
set -eu
archives=$1 work=$2 out=$3 minutes=$4
here=$(cd "$(dirname "$0")" && pwd)
device=${DEVICE:-cuda}
mkdir -p "$work" "$out"
[ -e "$work/unpacked" ] || { python3 "$here/pack_for_gpu.py" unpack "$archives" "$work"; touch "$work/unpacked"; }

set -- "$work/packed/labelled" "$work/files/movenet-multipose.json" "$work/files/efficientnet-lite2-9656183e.pth" \
  "$work/run" --start "$work/start.pt" --device "$device" --processes 1 --workers "${WORKERS:-14}" \
  --batch "${BATCH:-128}" --rate "${RATE:-1.5}" --seed "${SEED:-101}"
[ ! -d "$work/packed/tagged" ] || set -- "$@" --tagged "$work/packed/tagged"
for share in ${SHARES:-hand=0.22 wild=0.24 portraits=0.08 nobody=0.06}; do
  [ ! -d "$work/packed/${share%%=*}" ] || set -- "$@" --wild "$work/packed/$share"
done

python3 "$here/train.py" "$@" --measure 25 | tee "$out/speed.txt"
python3 "$here/train.py" "$@" --minutes "$minutes" --resume
python3 "$here/score_checkpoint.py" "$work/choose" "$work/start.pt" "$work/run/last.pt" --device "$device" |
  tee "$out/scores.txt"
python3 "$here/weight_parts.py" split "$work/run/last.pt" "$out"
cp "$work/run/log.txt" "$out/"
