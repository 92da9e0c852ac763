// Judges policies with cyclonus: reads the manifests of a folder itself, and on standard input, a
// line each, a JSON request {folder, address, pods, ports}; answers each with the allowed triples
// [from, to, port] by their positions.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

type request struct {
	Folder string
	// An address of a pod: cyclonus knows pods by their addresses too.
	Address string
	Pods    []struct {
		Namespace       string
		NamespaceLabels map[string]string
		Labels          map[string]string
	}
	Ports []struct {
		Protocol string
		Port     int
	}
}

func policies(folder string) ([]*networkingv1.NetworkPolicy, error) {
	var found []*networkingv1.NetworkPolicy
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		bytes, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range strings.Split(string(bytes), "\n---\n") {
			var policy networkingv1.NetworkPolicy
			if err := yaml.Unmarshal([]byte(document), &policy); err == nil && policy.Kind == "NetworkPolicy" {
				found = append(found, &policy)
			}
		}
		return nil
	})
	return found, err
}

func judge(line []byte) ([][3]int, error) {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, err
	}
	found, err := policies(asked.Folder)
	if err != nil {
		return nil, err
	}
	policy := matcher.BuildNetworkPolicies(false, found)
	peers := make([]*matcher.TrafficPeer, len(asked.Pods))
	for at, pod := range asked.Pods {
		peers[at] = &matcher.TrafficPeer{
			Internal: &matcher.InternalPeer{
				PodLabels:       pod.Labels,
				NamespaceLabels: pod.NamespaceLabels,
				Namespace:       pod.Namespace,
			},
			IP: asked.Address,
		}
	}
	allowed := [][3]int{}
	for from := range peers {
		for to := range peers {
			for at, port := range asked.Ports {
				traffic := &matcher.Traffic{
					Source:       peers[from],
					Destination:  peers[to],
					ResolvedPort: port.Port,
					Protocol:     corev1.Protocol(port.Protocol),
				}
				if policy.IsTrafficAllowed(traffic).IsAllowed() {
					allowed = append(allowed, [3]int{from, to, at})
				}
			}
		}
	}
	return allowed, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		allowed, err := judge(lines.Bytes())
		if err == nil {
			err = answers.Encode(allowed)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
