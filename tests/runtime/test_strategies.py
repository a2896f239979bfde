"""Which device and strategy are chosen; TensorFlow's machines are replaced by doubles."""

import json
import urllib.error
from types import SimpleNamespace

import pytest
import tensorflow as tf

from transformer_tutorial.runtime import strategies
from transformer_tutorial.runtime.errors import Failure, UsageError
from transformer_tutorial.runtime.strategies import DeviceOptions, choose_place, worker_count

TWO_WORKERS = json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}})


@pytest.fixture
def machine(monkeypatch):
    """A machine with `gpus` GPUs and perhaps a TPU; what was asked of it is noted."""
    no_tpu = tf.errors.NotFoundError(None, None, "no TPU found\nmore")
    asked = SimpleNamespace(error=no_tpu, gpus=0, tpu=True, names=[], hidden=[], mirrored=None, split=0)

    def physical(kind):
        return [f"{kind}{number}" for number in range({"CPU": 1, "GPU": asked.gpus}[kind])]

    def connect(tpu):
        asked.names.append(tpu)
        if not asked.tpu:
            raise asked.error
        return f"resolver of {tpu}"

    def mirrored(names, exchange):
        asked.mirrored, asked.exchange = names, exchange
        return SimpleNamespace(num_replicas_in_sync=len(names))

    resolver = SimpleNamespace(task_type="worker", task_id=1)
    several = SimpleNamespace(cluster_resolver=resolver, num_replicas_in_sync=4)
    monkeypatch.setattr(tf.config, "list_physical_devices", physical)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: asked.hidden.append((devices, kind)))
    monkeypatch.setattr(
        tf.config, "set_logical_device_configuration", lambda cpu, parts: setattr(asked, "split", len(parts))
    )
    monkeypatch.setattr(tf.distribute.cluster_resolver.TPUClusterResolver, "connect", staticmethod(connect))
    monkeypatch.setattr(
        tf.distribute, "TPUStrategy", lambda resolver: SimpleNamespace(num_replicas_in_sync=8, resolver=resolver)
    )
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", mirrored)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: several)
    for name in ("TF_CONFIG", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(strategies.Path, "glob", lambda path, pattern: iter(()))
    return asked


def test_a_single_device_has_no_strategy(machine):
    place = choose_place(DeviceOptions())
    assert place.strategy is None and "TensorFlow sees no GPU" in place.description


def test_one_gpu_has_no_strategy_and_several_are_mirrored(machine):
    machine.gpus = 1
    assert choose_place(DeviceOptions()).strategy is None
    machine.gpus = 3
    place = choose_place(DeviceOptions())
    assert machine.mirrored == ["/gpu:0", "/gpu:1", "/gpu:2"] and machine.exchange is None
    assert place.description == "Device: GPU, 3 replicas, because TensorFlow sees 3 GPUs."
    assert place.device == "gpu"
    choose_place(DeviceOptions(replicas=2))
    assert machine.mirrored == ["/gpu:0", "/gpu:1"]
    assert choose_place(DeviceOptions(strategy="none")).strategy is None


def test_the_cpu_hides_the_gpus(machine):
    machine.gpus = 2
    place = choose_place(DeviceOptions(device="cpu"))
    assert machine.hidden == [([], "GPU")] and place.strategy is None


def test_a_cpu_is_split_into_replicas(machine):
    place = choose_place(DeviceOptions(replicas=4))
    assert machine.split == 4 and machine.mirrored == [f"/cpu:{number}" for number in range(4)]
    assert isinstance(machine.exchange, tf.distribute.ReductionToOneDevice)
    assert place.strategy.num_replicas_in_sync == 4


@pytest.mark.parametrize("name", ["local", "my-tpu", "grpc://10.0.0.1:8470"])
def test_a_tpu_is_found_by_its_name(machine, name):
    for options in (DeviceOptions(device="tpu", tpu=name), DeviceOptions(strategy="tpu", tpu=name)):
        place = choose_place(options)
        assert machine.names.pop() == name and place.strategy.resolver == f"resolver of {name}"
        assert place.description.startswith(f"Device: TPU {name}, 8 replicas")


def test_only_auto_falls_back_from_a_tpu_that_does_not_start(machine, monkeypatch):
    machine.tpu = False
    monkeypatch.setenv("TPU_NAME", "local")
    place = choose_place(DeviceOptions())
    assert place.strategy is None and machine.names == ["local"]
    with pytest.raises(Failure, match=r"The TPU 'local' does not start: no TPU found\. TensorFlow needs its TPU build"):
        choose_place(DeviceOptions(device="tpu"))


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), ImportError("no cloud client")])
def test_a_tpu_whose_name_nobody_knows_is_a_failure_and_auto_says_so(machine, capsys, error):
    machine.tpu, machine.error, machine.gpus = False, error, 1
    assert choose_place(DeviceOptions(tpu="my-tpu")).device == "gpu"
    assert capsys.readouterr().err.startswith("Warning: The TPU 'my-tpu' does not start: ")
    with pytest.raises(Failure, match=r"The TPU 'my-tpu' does not start: .*no "):
        choose_place(DeviceOptions(device="tpu", tpu="my-tpu"))


def test_replicas_and_several_workers_are_refused(machine, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO_WORKERS)
    with pytest.raises(UsageError, match=r"--replicas is the number .* TF_CONFIG names 2 workers"):
        choose_place(DeviceOptions(replicas=2))
    assert choose_place(DeviceOptions(replicas=2, strategy="mirrored")).strategy.num_replicas_in_sync == 2


def test_several_workers_in_tf_config_train_together(machine, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO_WORKERS)
    place = choose_place(DeviceOptions())
    assert place.strategy.num_replicas_in_sync == 4
    assert place.description == "Device: CPU, worker 1 of 2 workers, 4 replicas in all."
    assert choose_place(DeviceOptions(strategy="none")).strategy is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "--device gpu: TensorFlow sees no GPU"),
        ({"device": "cpu", "strategy": "tpu"}, "go together, got --device cpu --strategy tpu"),
        ({"device": "tpu", "strategy": "mirrored"}, "go together, got --device tpu --strategy mirrored"),
        ({"strategy": "multi_worker"}, "needs the addresses of two workers or more in TF_CONFIG"),
        ({"replicas": 0}, "--replicas must be at least 1, got 0"),
        ({"replicas": 2, "strategy": "none"}, "number of devices of --strategy mirrored, got --device auto"),
    ],
)
def test_what_cannot_be_had_is_refused(machine, options, message):
    with pytest.raises(UsageError, match=message):
        choose_place(DeviceOptions(**options))


def test_more_replicas_than_gpus_are_refused(machine):
    machine.gpus = 2
    with pytest.raises(UsageError, match="--replicas 3: TensorFlow sees 2 GPUs"):
        choose_place(DeviceOptions(replicas=3))


def test_the_workers_of_tf_config_are_counted():
    assert worker_count(None) == worker_count("") == 1 and worker_count(TWO_WORKERS) == 2
    chief = {"cluster": {"chief": ["c:1"], "worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}
    assert worker_count(json.dumps(chief)) == 3


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": {"worker": ["a:1", "b:1"]}}'])
def test_a_tf_config_that_cannot_be_read_is_refused(text):
    with pytest.raises(UsageError, match="TF_CONFIG must be JSON such as"):
        worker_count(text)
