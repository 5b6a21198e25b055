#!/usr/bin/env bash
# One run in NUM_NODES x DEVICES processes by torchrun. Start it on every node, with NODE_RANK 0, 1, ... and the first
# node's address in MASTER_ADDR; on one node all of these may be left out:
#
#   DEVICES=4 OUT=runs/first bash examples/cluster/torchrun.sh --method fgsm-der --data cifar10:data/cifar10
#   DEVICES=2 OUT=runs/small bash examples/cluster/torchrun.sh --data digits --device cpu --epochs 2
#
# The second is small enough for a laptop (20 s).
set -euo pipefail
DEVICES="${DEVICES:-1}"
NUM_NODES="${NUM_NODES:-1}"
OUT="${OUT:-runs/torchrun}"

if [ -e "$OUT/config.toml" ]; then
    arguments=(--resume "$OUT" --devices "$DEVICES" --num-nodes "$NUM_NODES")
else
    arguments=("$@" --devices "$DEVICES" --num-nodes "$NUM_NODES" --out "$OUT")
fi
exec torchrun --nproc-per-node "$DEVICES" --nnodes "$NUM_NODES" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${MASTER_PORT:-29400}" \
    -m workbench train "${arguments[@]}"
