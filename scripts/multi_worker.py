"""Do two processes train one model, and does it survive when one of them is killed?

    python scripts/multi_worker.py --run-dir runs/multi_worker

Trains twice with two workers on this machine: once undisturbed, and once with a SIGKILL for the second worker after the
first checkpoint. A worker that ends before its work is done is started again by the same command, as a cluster would.
Then the two trainings are compared: weights, and the losses of each epoch. That all workers hold the same weights at
the end, they check themselves.

Flags that it does not know go to `train`.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from transformer_tutorial.runtime.checkpoints import load_newest

ROOT = Path(__file__).resolve().parents[1]
SMALL = ("--preset", "demo", "--num-layers", "1", "--d-model", "64", "--num-heads", "4", "--dff", "128")
SMALL += ("--save-every-minutes", "0.05")
MEASURED = ("seconds", "target_tokens_per_second", "peak_memory_mb", "traces")
MOST_STARTS = 20


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Worker:
    """One worker's process, started again until its work is done.

    Args:
        number: from 0; 0 is the chief.
        ports: of all workers.
        command: what it runs.
        log: where its output goes.
    """

    def __init__(self, number: int, ports: list[int], command: list[str], log: Path):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
        self.number, self.command, self.log, self.starts = number, command, log, 0
        self.environment = {**os.environ, "TF_CONFIG": config, "TF_CPP_MIN_LOG_LEVEL": "2"}
        self.start()

    def start(self) -> None:
        """A new process."""
        self.starts += 1
        if self.starts > MOST_STARTS:
            raise SystemExit(
                f"Worker {self.number} was started {MOST_STARTS} times and never came to an end: {self.log}"
            )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> bool:
        """Sends SIGKILL; whether that has ended the process, which may have been over."""
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait() == -signal.SIGKILL

    def is_done(self) -> bool:
        """Whether it has ended well; one that has ended otherwise is started again, unless its flags are wrong."""
        code = self.process.poll()
        if code == 2:
            raise SystemExit(self.log.read_text().splitlines()[-1])
        if code:
            print(f"  worker {self.number} has ended with exit code {code}; started again", flush=True)
            self.start()
        return code == 0


def train(run_dir: Path, flags: list[str], workers: int, kill: bool) -> list[Worker]:
    """One training by several workers, to its end."""
    command = [sys.executable, "-m", "transformer_tutorial", "train", "--run-dir", str(run_dir), *flags]
    ports = free_ports(workers)
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    all_workers = [
        Worker(number, ports, command, run_dir.parent / f"{run_dir.name}-worker-{number}.log")
        for number in range(workers)
    ]
    try:
        while True:
            done = [worker.is_done() for worker in all_workers]  # of all, so that each is started again if it has died
            if all(done):
                if kill:
                    raise SystemExit(
                        f"The training in {run_dir} was over before a worker could be killed. Add --epochs."
                    )
                break
            if kill and any((run_dir / "checkpoints").glob("ckpt-????????")) and all_workers[-1].kill():
                print(f"  SIGKILL for worker {workers - 1}", flush=True)
                kill = False
            time.sleep(0.2)
    finally:
        for worker in all_workers:
            worker.process.kill()
    return all_workers


def curve(run_dir: Path) -> list[dict]:
    """The records of all epochs, without what a clock has measured."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in MEASURED} for line in lines]


def largest_difference(here: Path, there: Path) -> float:
    """Of any weight, or of any other array of the newest checkpoints."""
    ours, theirs = (load_newest(folder / "checkpoints").arrays.values() for folder in (here, there))
    return max(
        float(np.abs(one.astype(float) - other.astype(float)).max(initial=0.0))
        for one, other in zip(ours, theirs, strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, default=ROOT / "runs/multi_worker")
    parser.add_argument("--workers", type=int, default=2)
    options, flags = parser.parse_known_args()
    root = options.run_dir.resolve()
    folders = {name: root / name for name in ("undisturbed", "killed")}
    for name, folder in folders.items():
        print(f"{options.workers} workers, {name}: {folder}", flush=True)
        began = time.monotonic()
        workers = train(folder, [*SMALL, "--data-dir", str(root / "data"), *flags], options.workers, name == "killed")
        starts = ", ".join(str(worker.starts) for worker in workers)
        print(f"  done in {time.monotonic() - began:.0f} s; starts of the workers: {starts}", flush=True)
    same_curve = curve(folders["undisturbed"]) == curve(folders["killed"])
    difference = largest_difference(*folders.values())
    print(
        f"Largest difference of any weight: {difference:.3g}; the curves are {'equal' if same_curve else 'DIFFERENT'}."
    )
    return 0 if same_curve and difference == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
