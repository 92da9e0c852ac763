package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func startEtcd(dir string, ports ports) error {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "error"
	// Data that a test loses with the machine is no loss.
	config.UnsafeNoFsync = true
	client := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", ports.etcd)}
	peer := url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", ports.peer)}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
		return nil
	case err := <-server.Err():
		return err
	case <-time.After(60 * time.Second):
		return errors.New("not ready within a minute")
	}
}

func runAPIServer(ctx context.Context, dir string, k *keys, ports ports) error {
	arguments := []string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", ports.etcd),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", ports.api),
		// A loopback address is no endpoint of the Service `kubernetes`.
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + k.path("server.crt"),
		"--tls-private-key-file=" + k.path("server.key"),
		"--client-ca-file=" + k.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + k.path("accounts.pub"),
		"--service-account-signing-key-file=" + k.path("accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--anonymous-auth=false",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--kubelet-preferred-address-types=InternalIP",
		"--v=0",
	}
	audit, err := auditArguments(dir)
	if err != nil {
		return err
	}
	command := apiserver.NewAPIServerCommand()
	command.SetArgs(append(arguments, audit...))
	return command.ExecuteContext(ctx)
}

// auditPolicy records who asked what with which user agent, and no bodies. A watch is recorded when
// it starts; everything else when it is answered.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// auditArguments turn on the audit log DIR/audit.log if CLUSTER_AUDIT is set: it costs every
// request a write.
func auditArguments(dir string) ([]string, error) {
	if os.Getenv("CLUSTER_AUDIT") == "" {
		return nil, nil
	}
	policy := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + filepath.Join(dir, "audit.log"),
		// The default mode of a log backend: an entry is written before the request is answered.
		"--audit-log-mode=blocking",
	}, nil
}

func runControllers(ctx context.Context, k *keys) error {
	command := controllers.NewControllerManagerCommand()
	command.SetArgs([]string{
		"--kubeconfig=" + k.kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--use-service-account-credentials=false",
		"--controllers=" + controllerNames(),
		"--horizontal-pod-autoscaler-sync-period=5s",
		"--node-monitor-grace-period=24h",
		"--service-account-private-key-file=" + k.path("accounts.key"),
		"--root-ca-file=" + k.path("ca.crt"),
		"--v=0",
	})
	return command.ExecuteContext(ctx)
}

// controllerNames are all but those that a test does without, by names with commas between.
func controllerNames() string {
	names := "*,-node-ipam-controller"
	for _, name := range strings.Split(os.Getenv("CLUSTER_WITHOUT"), ",") {
		if name != "" {
			names += ",-" + name
		}
	}
	return names
}

// runScheduler does what the scheduler's command does, without the signal handler that only one
// component of a process may install.
func runScheduler(ctx context.Context, k *keys) error {
	opts := options.NewOptions()
	name, err := cache.NewInformerName("kube-scheduler")
	if err != nil {
		return err
	}
	opts.InformerName = name
	for name, value := range map[string]string{"kubeconfig": k.kubeconfig, "leader-elect": "false", "secure-port": "0"} {
		if err := setFlag(opts, name, value); err != nil {
			return err
		}
	}
	config, made, err := scheduler.Setup(ctx, opts)
	if err != nil {
		return err
	}
	return scheduler.Run(ctx, config, made)
}

func setFlag(opts *options.Options, name, value string) error {
	for _, set := range opts.Flags.FlagSets {
		if set.Lookup(name) != nil {
			return set.Set(name, value)
		}
	}
	return errors.New("the scheduler has no flag " + name)
}

// runKubectl takes the rest of the process's arguments.
func runKubectl() {
	os.Args = append([]string{"kubectl"}, os.Args[2:]...)
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
