#!/usr/bin/env bash
# One run on two nodes of four GPUs by Slurm; a job that is queued again goes on where the last one stopped:
#
#   sbatch examples/cluster/slurm.sh --method fgsm-der --data cifar10:/shared/cifar10 --epochs 30
#
#SBATCH --job-name=workbench
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
# SIGTERM two minutes before the end of the time: the run saves everything and stops.
#SBATCH --signal=TERM@120
set -euo pipefail
OUT="${OUT:-runs/slurm-${SLURM_JOB_ID}}"
DEVICES="${SLURM_NTASKS_PER_NODE}"

if [ -e "$OUT/config.toml" ]; then
    arguments=(--resume "$OUT" --devices "$DEVICES" --num-nodes "$SLURM_NNODES")
else
    arguments=("$@" --devices "$DEVICES" --num-nodes "$SLURM_NNODES" --out "$OUT")
fi
# One process that fails ends the job, so that nobody waits for it.
exec srun --kill-on-bad-exit=1 workbench train "${arguments[@]}"
