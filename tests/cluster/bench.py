"""The work of tests/cluster/bench: control planes, three tools, three changes, two tables."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ERPC, SERVER, HELM, KUBECTL = (os.environ[name] for name in ("erpc", "server", "helm", "kubectl"))
ROOT = pathlib.Path.cwd()


class Cluster:
    """A control plane of its own, and a proxy that counts; both end with their standard input."""

    def __init__(self, counts):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.server = self.start("serve", self.folder)
        self.config = self.folder / "kubeconfig"
        self.proxy = None
        if counts:
            rules = self.folder / "rules.json"
            rules.write_text("[]")
            self.proxy = self.start("proxy", self.folder, rules)
            self.config = self.folder / "kubeconfig-proxy"

    def start(self, *arguments):
        process = subprocess.Popen(
            [SERVER, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        line = process.stdout.readline()
        assert line == b"ready\n", line
        return process

    def environment(self):
        home = {"HOME": str(self.folder), "HELM_CACHE_HOME": str(self.folder / "helm")}
        return {**os.environ, "KUBECONFIG": str(self.config), **home}

    def requests(self):
        return sum(1 for _ in open(self.folder / "proxy.log")) if self.proxy else 0

    def run(self, command, folder=ROOT, codes=(0,)):
        """Wall time in seconds, and requests."""
        before, started = self.requests(), time.monotonic()
        done = subprocess.run(command, cwd=folder, env=self.environment(), capture_output=True, text=True)
        took = time.monotonic() - started
        if done.returncode not in codes:
            sys.exit(f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return took, self.requests() - before

    def kubectl(self, *arguments):
        subprocess.run([KUBECTL, *arguments], env=self.environment(), check=True, capture_output=True)

    def make_secrets(self):
        """Namespaces and Secrets that ERP/1 takes for given, as its plan says."""
        plan = subprocess.run(
            [ERPC, "plan", "--format", "json"], env=self.environment(), capture_output=True, text=True
        )
        for secret in json.loads(plan.stdout)["missingSecrets"]:
            keys = self.folder / "keys"
            for command in secret["commands"]:
                command = command.replace("tls.crt", f"{keys}/admin.crt").replace("tls.key", f"{keys}/admin.key")
                words = command.split(" ")[1:]
                subprocess.run([KUBECTL, *words], env=self.environment(), capture_output=True)

    def end(self):
        for process in filter(None, (self.proxy, self.server)):
            process.stdin.close()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def copy(changed):
    """ERP/1 in a folder of its own, with another image of one service where that is asked for."""
    folder = pathlib.Path(tempfile.mkdtemp())
    for name in ("platform.erp", "policies.erp", "config", "lib", "share", "helm"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    if changed:
        program = folder / "platform.erp"
        program.write_text(program.read_text().replace(
            "service wms-warehouse is Release {",
            'service wms-warehouse is Release(image: "erpuno/warehouse2:${platform.version}") {',
        ))
        built = subprocess.run([ERPC, "build", "--quiet", str(folder)], capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
    return folder


def workloads(folder):
    """What kubectl has to wait for, by namespace."""
    out = {}
    for file in sorted((folder / "lib").rglob("*.yaml")):
        kinds = [line[6:].strip() for line in file.read_text().splitlines() if line.startswith("kind: ")]
        for kind in {"Deployment", "StatefulSet"} & set(kinds):
            out.setdefault(file.parent.parent.name, []).append(f"{kind.lower()}/{file.parent.name}")
    return out


def with_erpc(cluster, folder, _):
    return cluster.run([ERPC, "apply", "--yes", "--quiet"], folder)


def with_kubectl(cluster, folder, waits):
    took, requests = cluster.run(
        [KUBECTL, "apply", "--server-side", "-R", "-f", "share", "-f", "lib"], folder
    )
    if waits:
        for namespace, names in workloads(folder).items():
            more = cluster.run([KUBECTL, "rollout", "status", "-n", namespace, *names[:1]], folder)
            took, requests = took + more[0], requests + more[1]
            for name in names[1:]:
                more = cluster.run([KUBECTL, "rollout", "status", "-n", namespace, name], folder)
                took, requests = took + more[0], requests + more[1]
    return took, requests


def with_helm(cluster, folder, waits):
    return cluster.run(
        [HELM, "upgrade", "--install", "erp-uno", "helm", "--namespace", "erp-uno", "--create-namespace",
         *(["--wait", "--timeout", "10m"] if waits else [])],
        folder,
    )


def side_by_side():
    print("| | fresh, all ready | nothing changed | one image changed | requests |")
    print("|---|---|---|---|---|")
    before, after = copy(False), copy(True)
    tools = [
        ("`erpc apply --yes`", with_erpc, True),
        ("`kubectl apply --server-side`, then `rollout status` of each", with_kubectl, True),
        ("`kubectl apply --server-side` alone, ready or not", with_kubectl, False),
        ("`helm upgrade --install --wait`", with_helm, True),
    ]
    for name, tool, waits in tools:
        figures, counts = [], []
        for is_count in (False, True):
            cluster = Cluster(is_count)
            if tool is not with_helm:
                cluster.make_secrets()
            for folder in (before, before, after):
                took, requests = tool(cluster, folder, waits)
                (counts if is_count else figures).append(requests if is_count else took)
            cluster.end()
        times = " | ".join(f"{took:.2f} s" for took in figures)
        print(f"| {name} | {times} | {', '.join(map(str, counts))} |", flush=True)


def more_nodes(cluster, count):
    """Nodes with room for thousands of pods; what plays the kubelets takes them over."""
    room = {"cpu": "640", "memory": "2560Gi", "pods": "5000"}
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"large-{n}"},
         "status": {"allocatable": room, "capacity": room}}
        for n in range(count)
    ]
    file = cluster.folder / "nodes.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
    cluster.kubectl("create", "-f", str(file))


def at_scale(services):
    folder = pathlib.Path(tempfile.mkdtemp())
    subprocess.run(
        ["cargo", "test", "--quiet", "-p", "erpc-tests", "--bench", "scale", "--", "--sources", str(services), str(folder)],
        check=True,
    )
    print(f"\n| {services:,} services | wall time | requests | peak memory |")
    print("|---|---|---|---|")
    cluster = Cluster(True)
    more_nodes(cluster, 9)
    for what, arguments, codes in [
        ("`plan`, nothing there", ["plan", "--quiet", "--format", "json"], (0, 2)),
        ("`apply`, all written and ready", ["apply", "--yes", "--quiet", "--timeout", "20m"], (0,)),
        ("`apply`, nothing to do", ["apply", "--yes", "--quiet"], (0,)),
        ("`status`", ["status", "--quiet"], (0,)),
    ]:
        # Peak memory is of the child that ended last: each is measured by a process of its own.
        read, write = os.pipe()
        if os.fork() == 0:
            took, requests = cluster.run([ERPC, *arguments], folder, codes)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            os.write(write, f"{took:.1f} s | {requests:,} | {peak // 1024} MB".encode())
            os._exit(0)
        os.close(write)
        os.wait()
        figures = os.read(read, 200).decode() or "did not end well"
        os.close(read)
        print(f"| {what} | {figures} |", flush=True)
    cluster.end()


if __name__ == "__main__":
    if "--scale" not in sys.argv:
        side_by_side()
    if "--tools" not in sys.argv:
        at_scale(2100)
