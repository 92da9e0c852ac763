package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
)

//go:embed stages.yaml
var stages []byte

// What every container of the tests has written, in the format of the runtimes.
const logLines = `2026-01-01T00:00:00.000000000Z stdout F starting
2026-01-01T00:00:01.000000000Z stderr F cannot reach the database: connection refused
`

const nodeOptions = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  enableCRDs: []
  enableDebuggingHandlers: true
  manageAllNodes: true
  cidr: 10.244.0.0/16
  nodeIP: 127.0.0.1
  nodeName: ""
  nodePort: %[1]d
  serverAddress: 127.0.0.1:%[1]d
  tlsCertFile: %[2]s
  tlsPrivateKeyFile: %[3]s
  # The monitor of nodes has no patience limit here, so that no lease is needed.
  nodeLeaseDurationSeconds: 0
  nodeLeaseParallelism: 1
  podPlayStageParallelism: 8
  nodePlayStageParallelism: 2
  podsOnNodeSyncParallelism: 4
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata:
  name: every-container
spec:
  logs:
  - logsFile: %[4]s
    previousLogsFile: %[4]s
---
`

// runNodes plays the kubelets. KWOK reads the arguments of the process.
func runNodes(ctx context.Context, dir string, k *keys, ports ports) error {
	logs := filepath.Join(dir, "container.log")
	if err := os.WriteFile(logs, []byte(logLines), 0o600); err != nil {
		return err
	}
	file := filepath.Join(dir, "kwok.yaml")
	text := fmt.Sprintf(nodeOptions, ports.kubelet, k.path("server.crt"), k.path("server.key"), logs)
	if err := os.WriteFile(file, append([]byte(text), stages...), 0o600); err != nil {
		return err
	}
	arguments := []string{"--kubeconfig=" + k.kubeconfig, "--config=" + file, "--v=ERROR"}
	// The first argument names the controllers, too: clients introduce themselves by it.
	os.Args = append([]string{"kube-controller-manager"}, arguments...)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	ctx, _ = log.InitFlags(ctx, flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		return err
	}
	command := kwok.NewCommand(ctx)
	// The components of Kubernetes have taken `--version`.
	command.Version = ""
	command.PersistentFlags().AddFlagSet(flags)
	command.SetArgs(arguments)
	return command.ExecuteContext(ctx)
}

const nodeCount = 3

// makeNodes makes the nodes, and says when all of them take pods.
func (k *keys) makeNodes() error {
	for index := range nodeCount {
		name := fmt.Sprintf("node-%d", index+1)
		node := map[string]any{
			"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{"name": name, "labels": map[string]string{
				"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			}},
			"status": map[string]any{
				"allocatable": map[string]string{"cpu": "64", "memory": "256Gi", "pods": "5000"},
				"capacity":    map[string]string{"cpu": "64", "memory": "256Gi", "pods": "5000"},
			},
		}
		if err := k.create("/api/v1/nodes", node); err != nil {
			return err
		}
	}
	return nil
}

// makeStorage makes a default class, and one whose provisioner does not run.
func (k *keys) makeStorage() error {
	for name, provisioner := range map[string]string{"standard": "kwok.x-k8s.io/volume", "absent": "example.com/absent"} {
		annotations := map[string]string{}
		if name == "standard" {
			annotations["storageclass.kubernetes.io/is-default-class"] = "true"
		}
		class := map[string]any{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
			"metadata":             map[string]any{"name": name, "annotations": annotations},
			"provisioner":          provisioner,
			"volumeBindingMode":    "Immediate",
			"allowVolumeExpansion": true,
		}
		if err := k.create("/apis/storage.k8s.io/v1/storageclasses", class); err != nil {
			return err
		}
	}
	return nil
}

// create makes an object, or leaves that of an earlier run.
func (k *keys) create(path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	response, err := k.client.Post(k.url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusCreated && response.StatusCode != http.StatusConflict {
		return errors.New(response.Status + " " + path + " " + string(text))
	}
	return nil
}

type nodeList struct {
	Items []struct {
		Spec struct {
			Taints []any `json:"taints"`
		} `json:"spec"`
		Status struct {
			Conditions []struct{ Type, Status string } `json:"conditions"`
		} `json:"status"`
	} `json:"items"`
}

// takesPods is nil when every node is ready and untainted and pods have their account.
func (k *keys) takesPods() error {
	if err := k.get("/api/v1/namespaces/default/serviceaccounts/default"); err != nil {
		return err
	}
	response, err := k.client.Get(k.url + "/api/v1/nodes")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var nodes nodeList
	if err := json.NewDecoder(response.Body).Decode(&nodes); err != nil {
		return err
	}
	ready := 0
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && len(node.Spec.Taints) == 0 {
				ready++
			}
		}
	}
	if ready < nodeCount {
		return fmt.Errorf("%d of %d nodes are ready", ready, nodeCount)
	}
	return nil
}
